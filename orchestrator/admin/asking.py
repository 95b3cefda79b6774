"""The page that asks an agent for a few outputs and says what it found."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator import strictjson
from orchestrator.admin.base import actor_of
from orchestrator.admin.parts import page_of
from orchestrator.admin.trials import MOST, SECONDS, Given, findings, inputs, run
from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Connection, Step, StepKind, Workflow

TEMPLATE: Final = "admin/orchestrator/trial.html"
USUAL: Final = 3
MICROS: Final = 1_000_000


class TrialForm(forms.Form):
    """Which step, how often, for how much, and about what."""

    step = forms.ChoiceField(label=gettext_lazy("Step"))
    count = forms.IntegerField(
        label=gettext_lazy("Calls"), min_value=1, max_value=MOST, initial=USUAL
    )
    most = forms.DecimalField(
        label=gettext_lazy("Most cost"),
        min_value=0,
        max_digits=9,
        decimal_places=2,
        initial="1.00",
        help_text=gettext_lazy("In the currency of the connection's prices."),
    )
    given = forms.CharField(
        label=gettext_lazy("Input, as JSON"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
        help_text=gettext_lazy("Empty: the inputs of the newest cases."),
    )

    def __init__(self, steps: list[Step], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["step"].choices = [(str(step.pk), _told(step)) for step in steps]  # type: ignore[attr-defined]

    def clean_given(self) -> Any:
        text = str(self.cleaned_data["given"]).strip()
        try:
            return strictjson.loads(text.encode(errors="replace")) if text else None
        except Refusal as refusal:
            raise ValidationError(refusal.message) from refusal


def trial_page(site: Any, request: HttpRequest, row: Connection) -> HttpResponse:
    """Ask on POST, in no transaction and for at most a minute; nothing is written."""
    actor = actor_of(request)
    steps = agent_steps(row, actor)
    asked = request.POST if request.method == "POST" else None
    form = TrialForm(steps, asked, initial={"step": request.GET.get("step", "")}, label_suffix="")
    context = {
        **site.each_context(request),
        "title": _("Ask %(name)s") % {"name": row.name},
        "row": row,
        "form": form,
        "steps": steps,
        "seconds": int(SECONDS),
        "url": trial_url(row),
        "back": page_of(row),
    }
    if form.is_valid():
        context |= _found(row, steps, form.cleaned_data, actor)
    return TemplateResponse(request, TEMPLATE, context)


def _found(
    row: Connection, steps: list[Step], wanted: dict[str, Any], actor: Actor
) -> dict[str, Any]:
    step = next(step for step in steps if str(step.pk) == wanted["step"])
    typed = wanted["given"]
    count = wanted["count"]
    given = inputs(step, actor, count) if typed is None else [Given(typed, _("as typed"))]
    # A few inputs are asked about again, until there are enough answers to judge by.
    given = [given[number % len(given)] for number in range(count)]
    trials = run(row, step, given, micros=int(wanted["most"] * MICROS))
    return {"trials": trials, "findings": findings(row, step, trials), "step": step}


def agent_steps(row: Connection, actor: Actor) -> list[Step]:
    """The steps that an agent performs over a connection, of drafts and of what runs.

    Steps of other kinds are not asked: a system of record would do what it is told.
    """
    seen = Workflow.objects.visible_to(actor)
    steps = Step.objects.filter(
        kind=StepKind.AGENT, actor__connection=row, version__workflow__in=seen
    ).select_related("version__workflow", "actor")
    return [step for step in steps.order_by("version", "position") if _is_current(step)]


def _is_current(step: Step) -> bool:
    version = step.version
    return version.published_at is None or version.pk == version.workflow.published_version_id


def _told(step: Step) -> str:
    state = _("draft") if step.version.published_at is None else f"v{step.version.number}"
    return f"{step.version.workflow.name} ({state}): {step.name}"


def trial_url(row: Connection) -> str:
    return reverse("admin:orchestrator_connection_trial", args=[row.pk])
