"""Who acts besides people, what they were granted, and the keys of programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from orchestrator.admin.asking import trial_url
from orchestrator.admin.base import Listed, ModelForm, ReadOnly, is_used_unseen, shown
from orchestrator.admin.fields import YamlField
from orchestrator.admin.parts import page_of
from orchestrator.api.keys import SCOPES, make_key
from orchestrator.models import MACHINE, Actor, ActorKind, ApiKey, Grant, GrantAction, Step
from orchestrator.models.fields import ClockTimestamp
from orchestrator.templatetags.rewire import stamp

MAY: Final = {
    "cases": gettext_lazy("cases: start and read them"),
    "review": gettext_lazy("review: claim tasks and decide"),
    "feedback": gettext_lazy("feedback: take decisions away as examples"),
    "work": gettext_lazy("work: fetch and do the work of machines"),
}
"""What a key of each scope is for."""
LIMITS: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["max"],
    "properties": {"max": {"type": "number"}},
}


class When(forms.DateTimeInput):
    """A time of day that the browser helps to choose."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class ActorForm(ModelForm):
    """Agents, automations and systems; people and policies come by themselves."""

    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in ActorKind if kind.value in MACHINE]
    )

    class Meta:
        model = Actor
        fields = ("kind", "name", "revision", "connection")


@admin.register(Actor)
class ActorAdmin(Listed):
    form = ActorForm
    list_display = ("__str__", "kind", "revision", "connection", "created_at")
    list_filter = ("kind", "connection", ("base", admin.EmptyFieldListFilter))
    list_select_related = ("user", "connection")
    search_fields = ("name",)
    actions = None

    def get_fields(self, request: HttpRequest, obj: Actor | None = None) -> Any:
        return (*ActorForm.Meta.fields, *self.get_readonly_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Actor | None = None) -> Any:
        """What it was when it answered, and the way to have it answer now."""
        # Of the row only whether it is there: a form that is not valid has changed it by now.
        if obj is None:
            return ()
        return ("base", shown(self.opts.get_field("definition")), "digest", "test")

    @admin.display(description=gettext_lazy("test"))
    def test(self, row: Actor) -> str:
        if row.connection is None or row.kind != ActorKind.AGENT:
            return "–"
        return format_html('<a href="{}">{}</a>', trial_url(row.connection), _("Test it on cases"))

    def has_change_permission(self, request: HttpRequest, obj: Actor | None = None) -> bool:
        """Who acts in a published version stays who it was: a change is a new revision."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or _may_change(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Actor | None = None) -> bool:
        return False


def _may_change(request: HttpRequest, actor: Actor) -> bool:
    is_free = actor.kind in MACHINE and actor.base_id is None and not _published(actor)
    return is_free and not is_used_unseen(request, actor=actor)


def _published(actor: Actor) -> bool:
    return Step.objects.filter(actor=actor, version__published_at__isnull=False).exists()


class GrantForm(ModelForm):
    """A new right, or the withholding of one; afterwards only its end can be set, once."""

    action = forms.ChoiceField(choices=GrantAction.choices)
    limits = YamlField(empty={}, shape=LIMITS)
    begins = forms.DateTimeField(required=False, widget=When, label=gettext_lazy("Begins"))
    ends = forms.DateTimeField(required=False, widget=When, label=gettext_lazy("Ends"))

    class Meta:
        model = Grant
        fields = (
            *("effect", "action", "actor", "group", "workflow", "step_key", "limits"),
            *("stands_in_for", "may_delegate"),
        )

    def clean(self) -> dict[str, Any]:
        given = dict(super().clean() or {})
        if bool(given.get("actor")) is bool(given.get("group")):
            # At a field, so that the database's own check of the same is not told beside it.
            self.add_error("actor", _("Name either an actor or a group."))
        begins = given.get("begins") or timezone.now()
        if given.get("ends") and given["ends"] <= begins:
            self.add_error("ends", _("It ends after it begins."))
        else:
            self.instance.valid = DateTimeTZRange(begins, given.get("ends"))
        return given


class EndForm(ModelForm):
    """The end of a Grant that has none yet."""

    ends = forms.DateTimeField(widget=When, label=gettext_lazy("Ends"))

    class Meta:
        model = Grant
        fields = ()

    def clean_ends(self) -> Any:
        ends = self.cleaned_data["ends"]
        lower = self.instance.valid.lower
        if ends < timezone.now() - timedelta(minutes=1) or (lower and ends <= lower):
            raise ValidationError(_("Give a time from now on, after it begins."))
        self.instance.valid = DateTimeTZRange(lower, ends)
        return ends


class ActionFilter(admin.SimpleListFilter):
    """Grants by what they let somebody do, in words."""

    title = pgettext_lazy("field", "action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        given = set(Grant.objects.values_list("action", flat=True).distinct())
        return [choice for choice in GrantAction.choices if choice[0] in given]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(Grant)
class GrantAdmin(Listed):
    list_display = ("holder", "effect", "may", "workflow", "step_key", "starts", "stops")
    list_filter = ("effect", ActionFilter, "workflow")
    list_select_related = ("actor__user", "group", "workflow")
    actions = None

    @admin.display(description=gettext_lazy("Who"))
    def holder(self, row: Grant) -> str:
        return str(row.actor or row.group)

    @admin.display(description=pgettext_lazy("field", "action"), ordering="action")
    def may(self, row: Grant) -> str:
        return str(dict(GrantAction.choices).get(row.action, row.action))

    @admin.display(description=gettext_lazy("Begins"), ordering="valid__startswith")
    def starts(self, row: Grant) -> str:
        return stamp(row.valid.lower)

    @admin.display(description=gettext_lazy("Ends"), ordering="valid__endswith")
    def stops(self, row: Grant) -> str:
        return stamp(row.valid.upper)

    def has_change_permission(self, request: HttpRequest, obj: Grant | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.valid.upper is None)

    def has_delete_permission(self, request: HttpRequest, obj: Grant | None = None) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: Grant | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["form"] = EndForm if obj else GrantForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Grant | None = None) -> Any:
        if obj is None:
            return ()
        ends = () if self.has_change_permission(request, obj) else ("stops",)
        told = {"action": ("may",), "valid": ("starts", *ends)}
        fields = self.opts.concrete_fields
        return [name for field in fields for name in told.get(field.name, (shown(field),))]

    def get_fields(self, request: HttpRequest, obj: Grant | None = None) -> Any:
        if obj is None:
            return (*GrantForm.Meta.fields, "begins", "ends")
        ends = ["ends"] if self.has_change_permission(request, obj) else []
        return [*self.get_readonly_fields(request, obj), *ends]


class KeyForm(ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, MAY[scope]) for scope in SCOPES], widget=forms.CheckboxSelectMultiple
    )
    name = forms.CharField(max_length=80)

    class Meta:
        model = ApiKey
        fields = ("name", "actor", "scopes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        actors = Actor.objects.exclude(kind=ActorKind.POLICY).filter(base=None)
        actors = actors.select_related("user")
        self.fields["actor"].queryset = actors  # type: ignore[attr-defined]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    """A key is shown once, when it is made; later it can only be revoked."""

    list_display = ("name", "prefix", "actor", "scopes", "created_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("actor__user",)
    change_form_template = "admin/orchestrator/key.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return admin.ModelAdmin.get_queryset(self, request)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return ("name", "prefix", "actor", "scopes", "created_at", "revoked_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        revoke = path("<int:pk>/revoke/", wrap(self.revoke), name="orchestrator_apikey_revoke")
        return [revoke, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = KeyForm(request.POST or None)
        context = {
            **self.admin_site.each_context(request),
            "title": _("New API key"),
            "opts": self.opts,
            "form": form,
            "secret": self._made(form) if form.is_valid() else "",
        }
        return TemplateResponse(request, "admin/orchestrator/new_key.html", context)

    def _made(self, form: KeyForm) -> str:
        given = form.cleaned_data
        return make_key(actor=given["actor"], name=given["name"], scopes=given["scopes"])[1]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None
        may = self._may_revoke(request) and row is not None and row.revoked_at is None
        more = {"may_revoke": may, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, more)

    def _may_revoke(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orchestrator.change_apikey")

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        """From now on the key opens nothing."""
        if request.method != "POST" or not self._may_revoke(request):
            raise PermissionDenied
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        rows = ApiKey.objects.filter(pk=row.pk, revoked_at=None)
        if rows.update(revoked_at=ClockTimestamp()):
            messages.success(request, _("%s is revoked.") % (row.name or row))
        return HttpResponseRedirect(page_of(row))
