"""The admin: definitions are edited here, everything else is looked at.

Django imports this package by itself and finds the models' pages in its modules.
"""

from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.utils.translation import gettext_lazy

from orchestrator.admin import (
    connections,
    groups,
    names,
    people,
    record,
    rights,
    steps,
    versions,
    workflows,
)

__all__ = ["connections", "groups", "people", "record", "rights", "steps", "versions", "workflows"]

admin.site.site_header = admin.site.site_title = "Rewire"
admin.site.index_title = gettext_lazy("Admin")
admin.site.enable_nav_sidebar = False

own = [model for model in admin.site._registry if model._meta.app_label == "orchestrator"]  # noqa: SLF001
names.translate([*own, Authenticator])
