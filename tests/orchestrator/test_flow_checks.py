"""What publishing says of steps that lead the flow."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from orchestrator.definitions import import_draft, problems, warnings
from tests import world
from tests.orchestrator.flows import asked, definition, step

pytestmark = pytest.mark.django_db


def found(*steps: dict[str, Any], ways: list[Any], **more: Any) -> dict[str, str]:
    world.people()
    draft = import_draft(definition(list(steps), *ways, **more))
    return {problem.path: problem.message for problem in problems(draft)}


LISTS = {"type": "object", "properties": {"lines": {"type": "array"}, "n": {"type": "number"}}}
EACH = {"items": "/lines", "join": "all", "collect": "/found"}


@pytest.mark.parametrize(
    ("kind", "flow", "path", "words"),
    [
        ("timer", {}, "", "Give after"),
        ("timer", {"after": "soon"}, "", "Give after"),
        ("timer", {"until": "/nothing"}, "/until", "nothing at /nothing"),
        ("event", {"signal": "paid"}, "", "within: 30d"),
        ("event", {"signal": "paid", "within": "1d", "match": {"/a": "/no"}}, "/match/~1a", "/no"),
        ("decision", {"rows": []}, "", "rows"),
        ("decision", {"rows": [{"output": "x"}]}, "/rows/0/output", "number"),
        ("decision", {"rows": [{"when": {"fact": "confidence", "op": "gt", "value": 1},
                                "output": 1}]}, "/rows/0/when/fact", "confidence"),
        ("subflow", {"workflow": "nowhere"}, "/workflow", "No workflow 'nowhere'"),
        ("human", {"after": "3d"}, "", "Leave this out"),
    ],
)  # fmt: skip
def test_a_step_says_what_its_kind_needs(
    kind: str, flow: dict[str, Any], path: str, words: str
) -> None:
    odd = asked("odd", kind=kind, flow=flow) | ({"rights": []} if kind != "human" else {})
    odd["schema"] = {"type": "number"} if kind == "decision" else {}

    said = found(odd, ways=["odd done"], data=LISTS)

    assert words in said[f"/steps/0/flow{path}"]


def test_rules_belong_to_steps_that_somebody_decides() -> None:
    wait = asked("wait", kind="timer", flow={"after": "1d"})

    assert "Remove the rules" in found(wait, ways=["wait done"])["/steps/0/rights"]


def fork(*ways: str, **flow: Any) -> dict[str, str]:
    return found(
        step("split", "fork", flow={"join": "meet", **flow}),
        asked("law", output={"/notes": "/text"}),
        asked("money", output={"/notes": "/text"}),
        step("meet", "join"),
        ways=["split law", "split money", *ways],
    )


WHOLE = ("law meet", "money meet", "meet done")


def test_two_branches_that_write_one_place_need_a_rule() -> None:
    assert "first, last or append" in fork(*WHOLE)["/steps/0/flow/merge/~1notes"]
    assert fork(*WHOLE, merge={"/notes": "append"}) == {}


@pytest.mark.parametrize(
    ("ways", "path", "words"),
    [
        (("law done", "money meet", "meet done"), "/steps/4", "ends at meet, not at an end"),
        (("law money", "money meet", "meet done"), "/steps/2", "Two branches"),
        (("law split", "money meet", "meet done"), "/steps/0", "leads back before its join"),
        ((*WHOLE, "meet law"), "/steps/3", "in the branches of split"),
    ],
)
def test_branches_are_fenced(ways: tuple[str, ...], path: str, words: str) -> None:
    said = fork(*ways, merge={"/notes": "last"})

    assert words in said[path]


def test_a_branch_may_not_write_into_what_another_one_writes() -> None:
    said = found(
        step("split", "fork", flow={"join": "meet"}),
        asked("law", output={"/notes/law": "/text"}),
        asked("money", output={"/notes": "/text"}),
        step("meet", "join"),
        ways=["split law", "split money", *WHOLE],
    )

    assert "one is in the other" in said["/steps/0/flow/merge/~1notes~1law"]


def test_each_join_has_one_step_that_opens_its_branches() -> None:
    said = found(
        step("split", "fork", flow={"join": "nowhere"}),
        asked("law"),
        step("meet", "join"),
        ways=["split law", "law meet", "meet done"],
    )

    assert said["/steps/0/flow/join"] == "Name a step of kind join."
    assert "names this as its join" in said["/steps/2"]


def test_a_for_each_has_one_way_and_a_list() -> None:
    steps = step("each", "for_each", flow=EACH), asked("check"), step("all", "join")
    ways = ["each check", "check all", "all done"]
    assert found(*steps, ways=ways, data=LISTS) == {}

    always = ("each check", {"fact": "case/n", "op": "gt", "value": 1})
    assert "One transition" in found(*steps, ways=[always, *ways[1:]], data=LISTS)["/steps/0/flow"]
    other = step("each", "for_each", flow=EACH | {"items": "/n"})
    assert "no list at /n" in found(other, *steps[1:], ways=ways, data=LISTS)["/steps/0/flow/items"]


def test_what_is_done_for_each_item_clashes_with_nothing_but_its_list_does() -> None:
    def both(**law: Any) -> dict[str, str]:
        return found(
            step("split", "fork", flow={"join": "meet"}),
            step("each", "for_each", flow=EACH),
            asked("check", output={"/law": "/text"}),
            step("all", "join"),
            asked("law", **law),
            step("meet", "join"),
            ways=[
                "split each",
                "split law",
                "each check",
                "check all",
                "all meet",
                "law meet",
                "meet done",
            ],
            data=LISTS,
        )

    assert both() == {}
    assert both(output={"/found": "/text"}).keys() == {"/steps/0/flow/merge/~1found"}


def test_an_undoing_step_stands_apart() -> None:
    steps = asked("book", compensated_by="unbook"), asked("unbook")
    assert found(*steps, ways=["book done"]) == {}

    assert "undoes a step" in found(*steps, ways=["book unbook", "unbook done"])["/steps/0"]
    missing = found(asked("book", compensated_by="gone"), ways=["book done"])
    assert missing["/steps/0/compensated_by"] == "There is no step 'gone'."


def test_news_fit_the_data_of_the_case() -> None:
    said = found(
        asked("look"),
        ways=["look done"],
        data=LISTS,
        signals={"moved": {"n": "/to", "/n/deep": "to"}},
    )

    assert said.keys() == {"/signals/moved/n", "/signals/moved/~1n~1deep"}


def test_who_waits_is_told_what_silence_leads_to() -> None:
    wait = step("wait", "event", flow={"signal": "paid", "within": "1d"})
    world.people()

    said = [row.message for row in warnings(import_draft(definition([wait], "wait done")))]

    assert "When the signal does not come in time an incident opens." in said


@pytest.mark.parametrize(("length", "fits"), [(55, True), (60, False)])
def test_branches_inside_branches_have_a_path_that_fits(length: int, fits: bool) -> None:
    keys = [letter * length for letter in "abc"]
    openers = [
        step(key, "for_each", flow=EACH | {"join": f"join_{key[0]}"}, name=key[0]) for key in keys
    ]
    joins = [step(f"join_{key[0]}", "join") for key in keys]
    inner = [f"{outer} {key}" for outer, key in pairwise(keys)]
    ends = ["join_c join_b", "join_b join_a", "join_a done"]
    ways = [*inner, f"{keys[-1]} look", "look join_c", *ends]

    said = found(*openers, asked("look"), *joins, ways=ways, data=LISTS)

    assert ("too deep" in said.get("/steps/2/flow", "")) is not fits
