from allauth.account.decorators import secure_admin_login
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from orchestrator import health
from orchestrator.api.documents import explain_problem
from orchestrator.views import (
    assigning,
    attachments,
    bulks,
    case,
    cases,
    debuts,
    forgotten,
    home,
    incident,
    incidents,
    insights,
    migrations,
    preferences,
    seats,
    signals,
    workflows,
)

# One sign-in for all pages: with its rate limits and its second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Browsers ask for it on pages that name no icon, the admin's among them.
favicon = RedirectView.as_view(url=lazy(static, str)("img/favicon.svg"))

handler400 = "orchestrator.views.refusals.bad_request"

urlpatterns = [
    path("", home.home, name="home"),
    path("cases/", cases.cases, name="cases"),
    path("cases/<int:pk>/", case.case, name="case"),
    path(
        "cases/<int:pk>/attachments/<slug:digest>/<str:name>",
        attachments.attachment,
        name="attachment",
    ),
    path("cases/<int:pk>/cancel/", case.cancel_case, name="cancel_case"),
    path("cases/<int:pk>/signal/", signals.bring, name="bring_signal"),
    path("workflows/", workflows.workflows, name="workflows"),
    path("stop/", workflows.stop_all, name="stop_all"),
    path("resume/", workflows.resume_all, name="resume_all"),
    path("workflows/<slug:slug>/", workflows.workflow, name="workflow"),
    path("workflows/<slug:slug>/stop/", workflows.stop_workflow, name="stop_workflow"),
    path("workflows/<slug:slug>/resume/", workflows.resume_workflow, name="resume_workflow"),
    path("workflows/<slug:slug>/migrate/", migrations.migrate, name="migrate"),
    path("workflows/<slug:slug>/migrations/<int:bulk_id>/", migrations.migration, name="migration"),
    path(
        "workflows/<slug:slug>/migrations/<int:bulk_id>/revert/",
        migrations.revert,
        name="revert_migration",
    ),
    path("agents/<int:debut_id>/acknowledge/", debuts.acknowledge, name="acknowledge"),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/bulk/", bulks.begin_bulk, name="begin_bulk"),
    path("incidents/bulk/<int:bulk_id>/", bulks.bulk, name="bulk"),
    path("incidents/<int:pk>/hand-over/", incident.hand_over, name="hand_over"),
    path("incidents/<int:pk>/input/", incident.edit_input, name="edit_input"),
    path("incidents/<int:pk>/<slug:action>/", incident.incident, name="incident"),
    path("seats/<int:seat_id>/assign/", assigning.assign_seat, name="assign_seat"),
    path("seats/<int:seat_id>/unassign/", assigning.unassign_seat, name="unassign_seat"),
    path("seats/<int:seat_id>/release/", seats.release_seat, name="release_seat"),
    path("insights/", insights.page, name="insights"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("review/", include("review.urls")),
    path("api/", include("orchestrator.api.urls")),
    path("problems/<slug:name>", explain_problem, name="problem"),
    path("accounts/password/reset/", forgotten.forgotten, name="account_reset_password"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", login_not_required(favicon)),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
urlpatterns += [
    path(f"{app.label}/", include(f"{app.name}.urls"))
    for app in apps.get_app_configs()
    if app.name in settings.REWIRE_APPS
]
