"""Training of the refund reader, on requests that never become cases.

Takes a few seconds. The agent meets the last quarter of every phrase list for the first
time in the cases it handles, and it is measured on requests of a third seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from integrations.demo.refunds import STORE, generator, reading
from integrations.demo.refunds.reading import Request

COUNT = 2500


def ensure() -> bool:
    """Write the truth and train, unless the reader of this code is there. True if trained."""
    if STORE.trained:
        return False
    STORE.write_truth(
        (request.key, request.truth)
        for request in generator.arriving(generator.CASES + generator.RESERVE)
    )
    STORE.save(train(lessons()))
    return True


def lessons() -> list[generator.Request]:
    """The requests to learn from: no other seed's, and none that says the same as a case."""
    arriving = {
        reading.spoken(request.data)
        for request in generator.arriving(generator.CASES + generator.RESERVE)
    }
    drawn = generator.generate(generator.TRAINING, COUNT, unseen=False)
    return [request for request in drawn if reading.spoken(request.data) not in arriving]


def train(requests: Iterable[generator.Request]) -> dict[str, Any]:
    """The six models by name, fitted on generated requests with their truth."""
    pairs = [(Request.of(request.data), request.truth) for request in requests]
    texts = [reading.text_features(request) for request, _ in pairs]
    asked = [(text, truth) for text, (_, truth) in zip(texts, pairs, strict=True)]
    claims = [(text, truth) for text, truth in asked if truth["kind"] != "question"]
    refunds = [(request, truth) for request, truth in pairs if truth["kind"] == "refund"]
    return {
        "kind": fitted(text_model(), asked, lambda truth: truth["kind"]),
        "reason": fitted(text_model(), claims, lambda truth: truth["reason"]),
        "instructed": fitted(text_model(), asked, lambda truth: truth["instructed"]),
        "order": candidate_model(order_samples(refunds)),
        "amount": candidate_model(amount_samples(refunds)),
        "policy": candidate_model(policy_samples(refunds)),
    }


def text_model() -> Pipeline:
    """Pieces of words: they hold for three languages and survive slips of the pen."""
    pieces = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 4), min_df=3, max_features=8_000, sublinear_tf=True
    )
    return make_pipeline(pieces, LogisticRegression(C=150, max_iter=300))


def fitted(
    model: Pipeline,
    samples: Sequence[tuple[str, dict[str, Any]]],
    label: Callable[[dict[str, Any]], Any],
) -> Pipeline:
    return model.fit([text for text, _ in samples], [label(truth) for _, truth in samples])


def candidate_model(samples: tuple[list[Any], list[Any]]) -> Pipeline:
    features, labels = samples
    model = make_pipeline(DictVectorizer(), LogisticRegression(C=3, max_iter=500))
    return model.fit(features, labels)


Refunds = Sequence[tuple[Request, dict[str, Any]]]


def order_samples(refunds: Refunds) -> tuple[list[Any], list[bool]]:
    """One sample per order on record: is it meant?"""
    features, labels = [], []
    for request, truth in refunds:
        meant = {line["order_id"] for line in truth["orders"]}
        for order in request.orders:
            features.append(reading.order_features(request, order))
            labels.append(order["order_id"] in meant)
    return features, labels


def amount_samples(refunds: Refunds) -> tuple[list[Any], list[bool]]:
    """One sample per candidate of each order that is meant: is it the amount?"""
    features, labels = [], []
    for request, truth in refunds:
        orders = {order["order_id"]: order for order in request.orders}
        for line in truth["orders"]:
            order = orders[line["order_id"]]
            for amount in reading.amounts(request, order):
                sample = reading.amount_features(request, order, amount, len(truth["orders"]))
                features.append(sample)
                labels.append(reading.equal(amount, line["amount"]))
    return features, labels


def policy_samples(refunds: Refunds) -> tuple[list[Any], list[str]]:
    """One sample per refund, with the reason that is true."""
    features, labels = [], []
    for request, truth in refunds:
        meant = {line["order_id"] for line in truth["orders"]}
        orders = [order for order in request.orders if order["order_id"] in meant]
        features.append(reading.policy_features(request, truth["reason"], orders))
        labels.append(truth["policy"])
    return features, labels
