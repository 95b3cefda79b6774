"""What kinds of step there are, in words: asked first, where a step is added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.admin.parts import add_page, crumbs
from orchestrator.models import Step, StepKind, WorkflowVersion

TOLD: Final[Mapping[str, Any]] = {
    StepKind.AGENT: gettext_lazy(
        "A model gives an output, with how sure it is, and rules say who looks at it. "
        "Example: read a receipt."
    ),
    StepKind.HUMAN: gettext_lazy(
        "A person fills in a form. Example: ask the shop for a better picture."
    ),
    StepKind.AUTOMATION: gettext_lazy(
        "A program works something out, the same way each time. Example: convert the currency."
    ),
    StepKind.SYSTEM: gettext_lazy(
        "Reads from or writes to a system of record. Example: book the refund in the ledger."
    ),
    StepKind.DECISION: gettext_lazy(
        "A table says what comes out, and nobody is asked. Example: which team gets it."
    ),
    StepKind.TIMER: gettext_lazy("The case waits for a time. Example: 3 days."),
    StepKind.EVENT: gettext_lazy(
        "The case waits for a signal from outside. Example: the payment has come."
    ),
    StepKind.FORK: gettext_lazy(
        "Several ways are gone at once, until a join. Example: check the stock and the address."
    ),
    StepKind.FOR_EACH: gettext_lazy(
        "The same is done for each item of a list, until a join. Example: each line of an order."
    ),
    StepKind.JOIN: gettext_lazy("Branches come together here. Example: all lines are picked."),
    StepKind.SUBFLOW: gettext_lazy(
        "Another workflow runs a case of its own, and this one waits. Example: the shipping."
    ),
    StepKind.END: gettext_lazy("A case ends here, with its outcome. Example: booked."),
}
GROUPS: Final = (
    (
        gettext_lazy("Somebody or something works"),
        (StepKind.AGENT, StepKind.HUMAN, StepKind.AUTOMATION, StepKind.SYSTEM, StepKind.SUBFLOW),
    ),
    (
        gettext_lazy("The case waits or takes a way"),
        (StepKind.DECISION, StepKind.TIMER, StepKind.EVENT),
    ),
    (
        gettext_lazy("Ways part and come together"),
        (StepKind.FORK, StepKind.FOR_EACH, StepKind.JOIN),
    ),
    (gettext_lazy("The case is over"), (StepKind.END,)),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind to choose: its name, what it is for, and the form of such a step."""

    label: str
    told: str
    url: str


def kind_of(request: HttpRequest) -> str:
    """The kind that a new step is to have, "" where that is still to be asked."""
    given = request.POST.get("kind") or request.GET.get("kind", "")
    return given if given in StepKind.values else ""


def kinds_page(admin: Any, request: HttpRequest, version: WorkflowVersion) -> HttpResponse:
    """Ask what happens at the new step; each answer leads to the form with its fields."""
    context = {
        **admin.admin_site.each_context(request),
        "title": _("New step: what happens there?"),
        "crumbs": crumbs(version),
        "groups": [
            (str(title), [_offer(version, kind) for kind in kinds]) for title, kinds in GROUPS
        ],
    }
    return TemplateResponse(request, "admin/orchestrator/kinds.html", context)


def _offer(version: WorkflowVersion, kind: StepKind) -> Offer:
    url = add_page(Step, version=version.pk, kind=kind.value)
    return Offer(str(kind.label), str(TOLD[kind]), url)
