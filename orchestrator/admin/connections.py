"""Connections: their settings as their connector wants them, their secret, and a test."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from typing import Any, Final
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator import authority, engine, schema
from orchestrator.admin.asking import agent_steps, trial_page, trial_url
from orchestrator.admin.base import Listed, ModelForm, actor_of, is_used_unseen
from orchestrator.admin.fields import YamlField
from orchestrator.admin.parts import page_of
from orchestrator.connectors import Report, connector_class, connector_kinds
from orchestrator.engine import breaking
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Connection
from orchestrator.telling import message_told

LONGEST_TEST: Final = 10.0
"""Seconds; a connector's own time-outs are shorter."""

log = logging.getLogger(__name__)


def hosts_of(settings: Any) -> list[str]:
    """The scheme, host and port that the settings' address names: where a secret may go."""
    url = settings.get("url", "") if isinstance(settings, dict) else ""
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    return [f"{parts.scheme}://{parts.netloc}".lower()] if parts.netloc else []


class ConnectionForm(ModelForm):
    """The secret is written, never shown. It is bound to the host of the address."""

    kind = forms.ChoiceField(choices=lambda: [(kind, kind) for kind in connector_kinds()])
    settings = YamlField(empty={}, shape={"type": "object"})
    new_secret = forms.CharField(
        required=False,
        label=gettext_lazy("New secret"),
        max_length=4000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    forget_secret = forms.BooleanField(required=False, label=gettext_lazy("Forget the secret"))

    class Meta:
        model = Connection
        fields = ("name", "kind", "settings", "bulkhead", "breaker_after", "breaker_seconds")

    def clean(self) -> dict[str, Any]:
        given = dict(super().clean() or {})
        if "kind" in given and "settings" in given:
            wanted = connector_class(given["kind"]).settings_schema
            for problem in schema.validate(wanted, given["settings"]):
                self.add_error("settings", f"{problem.path}: {problem.message}".lstrip(": "))
        return given

    def bind_secret(self) -> bool:
        """Set, keep or clear the secret; tells whether another host made it be cleared."""
        row, given = self.instance, self.cleaned_data
        hosts = hosts_of(given["settings"])
        moved = bool(row.secret) and row.secret_hosts != hosts
        if given["new_secret"]:
            row.secret, row.secret_hosts = given["new_secret"], hosts
            return False
        if moved or given["forget_secret"]:
            row.secret, row.secret_hosts = "", []
        return moved


@admin.register(Connection)
class ConnectionAdmin(Listed):
    form = ConnectionForm
    list_display = ("name", "kind", "breaker", "secret_is", "bulkhead")
    list_filter = ("kind", "breaker")
    search_fields = ("name",)
    actions = None
    readonly_fields = ("secret_is", "breaker", "breaker_until", "failures", "under_way")
    change_form_template = "admin/orchestrator/connection.html"
    fieldsets = (
        (None, {"fields": ("name", "kind", "settings")}),
        (gettext_lazy("Secret"), {"fields": ("secret_is", "new_secret", "forget_secret")}),
        (
            gettext_lazy("Traffic"),
            {
                "fields": (
                    *("bulkhead", "under_way", "breaker", "breaker_until", "failures"),
                    *("breaker_after", "breaker_seconds"),
                )
            },
        ),
    )

    @admin.display(description=gettext_lazy("secret"))
    def secret_is(self, row: Connection) -> str:
        if not row.secret:
            return _("not set")
        if not row.secret_hosts:
            return _("set")
        return _("set, for %s") % ", ".join(row.secret_hosts)

    @admin.display(description=gettext_lazy("calls under way"))
    def under_way(self, row: Connection) -> int:
        return breaking.under_way().get(row.pk, 0)

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        """Who only looks sees the settings and whether there is a secret."""
        if obj and not self.has_change_permission(request, obj):
            shown = ("name", "kind", "settings", "secret_is", "under_way", "breaker", "failures")
            return [(None, {"fields": shown})]
        return self.fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        """A change holds for every workflow that uses it, so it is for who sees them all."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not is_used_unseen(request, actor__connection=obj))

    def has_delete_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (
            obj is None or not (obj.actors.exists() or obj.deliveries.exists())
        )

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        if form.bind_secret():
            messages.warning(
                request,
                _("The address has another host, so the secret was cleared: set it again."),
            )
        super().save_model(request, obj, form, change)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        more = {
            "show_save_and_add_another": False,
            "kinds": [(kind, _settings(kind)) for kind in connector_kinds()],
            "may_close": authority.may(actor_of(request), "resolve", None).allowed,
            "trial_url": self._trial_url(request, object_id),
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, more)

    def _trial_url(self, request: HttpRequest, object_id: str | None) -> str:
        """The page that asks the agent, "" where this connection performs no agent's step."""
        row = self.get_object(request, object_id) if object_id else None
        asks = row is not None and agent_steps(row, actor_of(request))
        return trial_url(row) if row and asks else ""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/test/", wrap(self.test), name="orchestrator_connection_test"),
            path("<int:pk>/close/", wrap(self.close), name="orchestrator_connection_close"),
            path("<int:pk>/trial/", wrap(self.trial), name="orchestrator_connection_trial"),
            *super().get_urls(),
        ]

    def trial(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the agent for a few outputs, and show them; nothing is kept."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        return trial_page(self.admin_site, request, row)

    def close(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let calls go on before the pause is over."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if request.method != "POST" or not self.has_view_permission(request, row):
            raise PermissionDenied
        try:
            engine.close_breaker(pk, actor=actor_of(request))
        except NotAllowed as refusal:
            raise PermissionDenied from refusal
        messages.success(request, _("The calls of %s go on.") % row)
        return HttpResponseRedirect(page_of(row))

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have the connector look whether the other side can be reached, changing nothing."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if request.method != "POST" or not self.has_change_permission(request, row):
            raise PermissionDenied
        report = tested(row)
        level = messages.SUCCESS if report.ok else messages.ERROR
        usual = _("It works.") if report.ok else _("It does not work.")
        for finding in report.findings or (usual,):
            messages.add_message(request, level, message_told(finding))
        return HttpResponseRedirect(page_of(row))


def tested(row: Connection) -> Report:
    """What the connector found, within ten seconds whatever it does."""
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        connector = connector_class(row.kind)(row.settings, row.secret)
        return pool.submit(connector.check).result(LONGEST_TEST)
    except TooLong:
        return Report(ok=False, findings=(_("No answer within %s s.") % f"{LONGEST_TEST:g}",))
    except Exception as error:  # A connector is code from elsewhere.
        log.exception("The test of connection %s failed", row.name)
        return Report(ok=False, findings=(_("%s: the test itself failed.") % type(error).__name__,))
    finally:
        pool.shutdown(wait=False)


def _settings(kind: str) -> list[tuple[str, str, bool]]:
    """Name, explanation and whether it must be there, for each setting of a kind."""
    wanted = connector_class(kind).settings_schema
    required = wanted.get("required", ())
    return [
        (name, _(part.get("description") or part.get("title", "") or "–"), name in required)
        for name, part in wanted.get("properties", {}).items()
    ]
