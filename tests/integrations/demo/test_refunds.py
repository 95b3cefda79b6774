from __future__ import annotations

import ast
import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from integrations.demo.refunds import STORE, agent, generator, measuring, reading, training
from integrations.demo.refunds.generator import ARRIVING, generate
from integrations.demo.refunds.reading import number, spoken
from orchestrator.connectors import PermanentError

REFUNDS = Path(generator.__file__).parent


def test_the_same_seed_gives_the_same_requests_and_each_can_be_made_alone() -> None:
    first = list(generate(ARRIVING, 50, unseen=True))

    assert first == list(generate(ARRIVING, 50, unseen=True))
    assert first[49] == generator.Draft(ARRIVING, 49, unseen=True).request()


def test_there_are_over_two_thousand_in_three_languages_and_four_currencies_with_every_trait() -> (
    None
):
    requests = list(generator.arriving())

    assert len(requests) >= 2000
    assert len({request.key for request in requests}) == len(requests)
    assert {request.truth["currency"] for request in requests} == {"EUR", "USD", "GBP", "CHF"}
    for greeting in ("Hello,", "Guten Tag,", "Bonjour,"):
        assert any(spoken(request.data).startswith(greeting) for request in requests)
    assert set().union(*(request.traits for request in requests)) == {
        *("aside", "asks_half", "asks_less", "asks_more", "hidden_characters", "instructed"),
        *("no_amount", "no_number", "no_policy", "not_on_record", "one_item", "other_money"),
        *("says_again", "two_orders", "typos", "wrong_number"),
    }


def test_no_case_says_what_a_training_request_said() -> None:
    lessons = {spoken(request.data) for request in training.lessons()}
    arriving = {spoken(request.data) for request in generator.arriving()}

    assert len(lessons) > 0.98 * training.COUNT
    assert not lessons & arriving


def test_some_wording_arrives_that_training_never_saw() -> None:
    lessons = " ".join(spoken(request.data) for request in training.lessons())
    arriving = " ".join(spoken(request.data) for request in generator.arriving())

    assert "by the time it got here" in arriving
    assert "by the time it got here" not in lessons


def test_the_case_does_not_hold_the_truth() -> None:
    for request in islice(generator.arriving(), 300):
        shown = json.dumps(request.data)
        assert not {"truth", "traits", "kind", "reason", "instructed"} & request.data.keys()
        assert '"truth"' not in shown


def test_the_agent_knows_neither_the_generator_nor_the_truth() -> None:
    for name in ("agent.py", "reading.py"):
        tree = ast.parse((REFUNDS / name).read_text())
        imported = {
            f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert not any("generator" in path or "training" in path for path in imported)
        assert "truth" not in (REFUNDS / name).read_text()


def test_what_the_truth_says_follows_from_what_was_asked() -> None:
    requests = [r for r in generator.arriving(600) if r.truth["kind"] == "refund"]

    for request in requests:
        orders = {order["order_id"]: order for order in request.data["orders"]}
        for line in request.truth["orders"]:
            assert 0 < line["amount"] <= orders[line["order_id"]]["total"]
        lines = sum(line["amount"] for line in request.truth["orders"])
        assert request.truth["amount"] == pytest.approx(lines)
        assert (request.truth["policy"] == "missing") == ("policy" not in request.data)
        assert (len(request.truth["orders"]) == 2) == ("two_orders" in request.traits)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1.234,50", 1234.5),
        ("1,234.50", 1234.5),
        ("1 234,50", 1234.5),
        ("1\u202f234,50", 1234.5),
        ("1.234", 1234),
        ("1,234", 1234),
        ("49,90", 49.9),
        ("49.90", 49.9),
        ("49", 49),
        ("7,05", 7.05),
    ],
)
def test_european_and_american_amounts_are_the_same_number(written: str, amount: float) -> None:
    assert number(written) == pytest.approx(amount)


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("Bitte 1.234,50 € zurück", [1234.5]),
        ("I paid $1,234.50 for #204817", [1234.5]),
        ("49,- € oder CHF 12.00", [49, 12]),
        ("commande 204817, 1\u202f234,50\xa0€", [1234.5]),
        ("KF-204817 is my order", []),
    ],
)
def test_amounts_are_found_in_the_text(text: str, amounts: list[float]) -> None:
    assert [mention.amount for mention in reading.mentions(text)] == amounts


@pytest.mark.parametrize(
    ("written", "digits"), [("204817", 0), ("204871", 1), ("204917", 1), ("402817", 2)]
)
def test_swapped_digits_count_as_one_mistake(written: str, digits: int) -> None:
    assert reading.distance(written, "KF-204817") <= digits


@pytest.mark.usefixtures("trained")
def test_the_measured_quality_is_what_the_documentation_says() -> None:
    told = re.findall(r"\| ([0-9.]+) % \|", (REFUNDS.parent / "README.md").read_text())
    fields_right, all_right, sure, all_right_when_sure = (float(figure) / 100 for figure in told)

    quality = measuring.measure(generator.arriving(600))

    assert quality.fields_right == pytest.approx(fields_right, abs=0.02)
    assert quality.all_right == pytest.approx(all_right, abs=0.05)
    assert quality.sure == pytest.approx(sure, abs=0.06)
    assert quality.all_right_when_sure == pytest.approx(all_right_when_sure, abs=0.04)
    assert quality.all_right_when_sure < 1, "some mistakes are made with confidence"


@pytest.mark.usefixtures("trained")
def test_an_answer_has_a_confidence_for_every_field_it_read() -> None:
    request = next(r for r in generator.arriving() if "two_orders" in r.traits)

    result = agent.read(request.data)

    assert result.model == STORE.reader
    assert 0 <= (result.confidence or 0) <= 1
    expected = {"/kind", "/amount", "/reason", "/policy", "/instructed"}
    for place in range(len(result.output["orders"])):
        expected |= {f"/orders/{place}/order_id", f"/orders/{place}/amount"}
    assert set(result.field_confidence) == expected
    assert all(0 <= number <= 1 for number in result.field_confidence.values())
    assert json.loads(json.dumps(result.output)) == result.output


@pytest.mark.parametrize("broken", [{}, {"message": "hi"}, {"message": "hi", "orders": []}])
def test_a_case_that_is_no_request_is_refused_for_good(broken: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="not a refund request"):
        agent.read(broken)


def test_an_untrained_reader_says_so(tmp_path: Path, settings: Settings) -> None:
    settings.HOME = type(settings.HOME).at(tmp_path)

    with pytest.raises(PermanentError, match="demo trains it"):
        STORE.load()
