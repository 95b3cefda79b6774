"""The texts with their ratings, in a fixed order, read from the package without unpacking it."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from io import BytesIO
from random import Random
from typing import IO, Any, Final, cast

from integrations.demo.feedback import package

INSIDE: Final = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
SEED: Final = 11
TRAINING, COUNT = 3600, 600
"""So many texts train the reader; so many others arrive as cases."""
CLEAR: Final = 0.5
"""People rate from -4 to 4; a mean this far from 0 is a mood, anything nearer is neutral."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text; ``ratings`` are those of 20 to 99 people, whole numbers from -4 to 4."""

    words: str
    ratings: Sequence[int]

    @property
    def sentiment(self) -> str:
        mean = sum(self.ratings) / len(self.ratings)
        if abs(mean) < CLEAR:
            return "neutral"
        return "positive" if mean > 0 else "negative"

    @property
    def truth(self) -> dict[str, Any]:
        return {"sentiment": self.sentiment, "ratings": list(self.ratings)}


def lessons() -> list[Text]:
    """The texts that train the reader; none of them arrives."""
    return shuffled()[:TRAINING]


def arriving() -> list[tuple[str, Text]]:
    """Key and text of each case, in the order of arrival."""
    texts = shuffled()[TRAINING : TRAINING + COUNT]
    return [(f"F-{number:03d}", text) for number, text in enumerate(texts, start=1)]


def shuffled() -> list[Text]:
    """All 4,200 texts. Takes half a second. Raises OSError where the package is not there."""
    outer = BytesIO(package.archive().read_bytes())
    with tarfile.open(fileobj=outer) as package_file, _inner(package_file) as data:
        words = {number: text for number, _mean, text in _rows(data, "tweets_GroundTruth")}
        ratings = {row[0]: json.loads(row[3]) for row in _rows(data, "tweets_anonDataRatings")}
    texts = [Text(unescape(words[number]).strip(), ratings[number]) for number in words]
    Random(SEED).shuffle(texts)  # noqa: S311 no secret
    return texts


def _inner(outer: tarfile.TarFile) -> tarfile.TarFile:
    return tarfile.open(fileobj=_file(outer, INSIDE))


def _rows(data: tarfile.TarFile, name: str) -> list[list[str]]:
    lines = _file(data, f"hutto_ICWSM_2014/{name}.txt").read().decode().splitlines()
    return [line.split("\t") for line in lines]


def _file(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    # None only for what is no regular file; the digest of the package says that it is one.
    return cast("IO[bytes]", archive.extractfile(name))
