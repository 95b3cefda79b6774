from __future__ import annotations

import json

import pytest
from PIL import Image

from integrations.demo.digits import STORE, agent, images, training
from orchestrator.connectors import PermanentError


def truths() -> list[int]:
    lines = (STORE.folder / "truth.jsonl").read_text().splitlines()
    return [json.loads(line)["truth"]["digit"] for line in lines]


@pytest.mark.usefixtures("trained")
def test_1497_images_arrive_and_none_of_them_trained_the_reader() -> None:
    grids, _ = training.shuffled()
    trained_on = {grid.tobytes() for grid in grids[: training.TRAINING]}

    assert len(truths()) == images.COUNT == 1497
    assert not any(grid.tobytes() in trained_on for grid in grids[training.TRAINING :])
    with Image.open(images.path(1497)) as image:
        assert (image.format, image.size) == ("PNG", (128, 128))


@pytest.mark.usefixtures("trained")
def test_the_reader_is_right_most_of_the_time_and_knows_when() -> None:
    results = [agent.read({"image": images.ADDRESS.format(number=n)}) for n in range(1, 401)]
    right = [r.output["digit"] == truth for r, truth in zip(results, truths(), strict=False)]
    sure = [ok for ok, r in zip(right, results, strict=True) if (r.confidence or 0) >= 0.95]

    assert 0.88 <= sum(right) / 400 <= 0.97
    assert 0.55 <= len(sure) / 400 <= 0.85
    assert sum(sure) / len(sure) >= 0.98


@pytest.mark.usefixtures("trained")
def test_an_answer_is_a_digit_with_its_probability() -> None:
    result = agent.read({"image": "/demo/digits/7.png"})

    assert result.output["digit"] in range(10)
    assert result.field_confidence == {"/digit": result.confidence}
    assert result.model == STORE.reader


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    "address",
    ["", "/demo/digits/9999.png", "/demo/digits/0.png", "/etc/passwd", "/demo/digits/../1.png"],
)
def test_any_other_address_is_refused_for_good(address: str) -> None:
    with pytest.raises(PermanentError, match="no image"):
        agent.read({"image": address})
