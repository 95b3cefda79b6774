from __future__ import annotations

import json
import os
import re
import shutil
from io import StringIO
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from integrations.demo import cases, feedback, workflows
from integrations.demo.feedback import STORE, agent, package, texts
from integrations.demo.management.commands.demo import Command
from orchestrator.connectors import PermanentError


@pytest.fixture
def empty(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder where nothing was fetched yet, and a pip that nobody has configured."""
    settings.HOME = type(settings.HOME).at(tmp_path)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    return tmp_path


@pytest.mark.usefixtures("fetched")
def test_600_texts_arrive_and_none_of_them_trained_the_reader() -> None:
    arriving = [text.words for _, text in texts.arriving()]
    lessons = [text.words for text in texts.lessons()]

    assert (len(arriving), len(lessons)) == (600, 3600)
    assert len({*arriving, *lessons}) == 4200
    assert [case["key"] for case in cases.arriving("feedback")][::599] == ["F-001", "F-600"]


@pytest.mark.usefixtures("fetched")
def test_at_least_twenty_people_have_rated_each_and_no_case_says_how() -> None:
    lines = (STORE.folder / "truth.jsonl").read_text().splitlines()
    truths = [json.loads(line)["truth"] for line in lines]

    assert min(len(truth["ratings"]) for truth in truths) >= 20
    assert {rating for truth in truths for rating in truth["ratings"]} == set(range(-4, 5))
    assert all(case["data"].keys() == {"text"} for case in cases.arriving("feedback"))


@pytest.mark.parametrize(
    ("ratings", "sentiment"),
    [
        ([1, 0], "positive"),
        ([1, 0, 0], "neutral"),
        ([4, -4], "neutral"),
        ([-1, 0, 0], "neutral"),
        ([-1, 0], "negative"),
    ],
)
def test_a_mean_of_half_a_point_is_a_mood(ratings: list[int], sentiment: str) -> None:
    assert texts.Text("So it goes.", ratings).sentiment == sentiment


@pytest.mark.usefixtures("fetched")
def test_the_measured_quality_is_what_the_documentation_says() -> None:
    readme = (Path(feedback.__file__).parents[1] / "README.md").read_text()
    told = re.search(
        r"all\s600: ([0-9.]+) % right;\s([0-9.]+) % .*?those ([0-9.]+) %", readme, re.DOTALL
    )
    assert told

    judged = [(*agent.judge(text.words), text.sentiment) for _, text in texts.arriving()]
    right = [found == true for found, _, true in judged]
    sure = [ok for ok, (_, confidence, _) in zip(right, judged, strict=True) if confidence >= 0.9]

    measured = [sum(right) / 6, len(sure) / 6, 100 * sum(sure) / len(sure)]
    assert measured == pytest.approx([float(figure) for figure in told.groups()], abs=1)
    assert sum(sure) < len(sure), "some mistakes are made with confidence"


@pytest.mark.usefixtures("fetched")
def test_an_answer_is_a_mood_with_its_probability() -> None:
    result = agent.read({"text": "What a lovely day, thank you so much!"})

    assert result.output == {"sentiment": "positive"}
    assert result.field_confidence == {"/sentiment": result.confidence}
    assert result.model == STORE.reader


@pytest.mark.parametrize("case", [{}, {"text": " "}, {"text": 7}])
def test_a_case_without_words_is_refused_for_good(case: dict[str, object]) -> None:
    with pytest.raises(PermanentError, match="no text"):
        agent.read(case)


@pytest.mark.usefixtures("trained")
def test_without_the_network_the_demo_names_the_host_and_goes_on(empty: Path) -> None:
    before = Path(os.environ["REWIRE_HOME"]) / "demo"
    for name in ("refunds", "digits"):
        shutil.copytree(before / name, empty / "demo" / name)
    said = StringIO()

    slugs = Command(stdout=said).read_what_there_is()

    assert slugs == workflows.SLUGS
    sentence = "127.0.0.1 did not give vaderSentiment==3.3.2. Customer feedback is left out."
    assert sentence in said.getvalue()


@pytest.mark.usefixtures("empty")
def test_a_file_that_was_damaged_is_not_read() -> None:
    package.archive().parent.mkdir(parents=True)
    package.archive().write_bytes(b"half of it")

    with pytest.raises(package.AbsentError):
        package.ensure()


@pytest.fixture
def forged(httpserver: HTTPServer) -> HTTPServer:
    """An index whose package is another one than it says."""
    link = f'<a href="/files/{package.FILE}">{package.FILE}</a>'
    httpserver.expect_request("/simple/vadersentiment/").respond_with_data(
        link, content_type="text/html"
    )
    httpserver.expect_request(f"/files/{package.FILE}").respond_with_data(b"not what it was")
    return httpserver


def test_another_file_under_its_name_is_not_taken(
    empty: Path, forged: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", forged.url_for("/simple"))

    with pytest.raises(package.AbsentError, match=r"did not give vaderSentiment==3\.3\.2"):
        package.ensure()

    assert any(request.path.startswith("/files/") for request, _ in forged.log)
    assert not package.archive().exists()
