"""Groups and people: what each permission lets them do, in the words of the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.forms import CheckboxSelectMultiple, ModelMultipleChoiceField
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

if TYPE_CHECKING:
    Choices = ModelMultipleChoiceField[Permission]
    People = UserAdmin[User]
else:
    Choices, People = ModelMultipleChoiceField, UserAdmin

DEEDS: Final = {
    "view": gettext_noop("%(table)s: look at them"),
    "add": gettext_noop("%(table)s: add one"),
    "change": gettext_noop("%(table)s: change one"),
    "delete": gettext_noop("%(table)s: delete one"),
}
OWN: Final = (
    gettext_noop("Can cancel a case"),
    gettext_noop("Can publish a version"),
    gettext_noop("Can resolve an incident"),
    gettext_noop("Can stop and resume automatic approval"),
)
"""What our own permissions are called in the database."""


class PermissionsField(Choices):
    """The permissions by what they let somebody do, not by the names of the database."""

    def label_from_instance(self, row: Permission) -> str:
        return told(row)


def told(permission: Permission) -> str:
    """One permission in words; one of a model that is gone keeps its name."""
    model = permission.content_type.model_class()
    deed, _rest, name = permission.codename.partition("_")
    if model is None:
        return permission.name
    table = str(capfirst(_(str(model._meta.verbose_name_plural))))  # noqa: SLF001
    if deed in DEEDS and name == permission.content_type.model:
        return _(DEEDS[deed]) % {"table": table}
    return f"{table}: {_(permission.name)}"


class InWords:
    """Offers permissions in words, each to be ticked: Django's lists need JavaScript."""

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        if db_field.related_model is Permission:
            kwargs |= {"form_class": PermissionsField, "widget": CheckboxSelectMultiple}
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


admin.site.unregister([Group, User])


@admin.register(Group)
class GroupPage(InWords, GroupAdmin):
    filter_horizontal = ()


@admin.register(User)
class UserPage(InWords, People):
    filter_horizontal = ()
