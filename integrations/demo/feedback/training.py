"""Set-up of the feedback: 3,600 of 4,200 texts train the reader, the other 600 become cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from integrations.demo.feedback import STORE, package, texts

WORDS_AND_SIGNS: Final = r"\w+|[^\w\s]+"


def ensure() -> bool:
    """Fetch, write the truth and train, unless the reader is there. True if anything was made.

    Raises ``package.AbsentError``.
    """
    if STORE.trained:
        return False
    package.ensure()
    STORE.write_truth((key, text.truth) for key, text in texts.arriving())
    STORE.save({"sentiment": train(texts.lessons())})
    return True


def train(lessons: Sequence[texts.Text]) -> Pipeline:
    """Words, pairs of words and signs, and parts of words, which see through slips and shouting."""
    words = TfidfVectorizer(
        token_pattern=WORDS_AND_SIGNS, ngram_range=(1, 2), min_df=2, sublinear_tf=True
    )
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=3, sublinear_tf=True)
    model = make_pipeline(make_union(words, parts), LogisticRegression(C=3, max_iter=500))
    return model.fit([text.words for text in lessons], [text.sentiment for text in lessons])
