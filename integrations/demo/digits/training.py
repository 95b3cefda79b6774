"""Set-up of the digits: 300 of 1,797 train the reader, the other 1,497 become cases."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from integrations.demo.digits import STORE, images, pixels

TRAINING = 300
SEED = 11


def ensure() -> bool:
    """Make images, truth and reader unless they are there. True if anything was made."""
    if STORE.trained:
        return False
    grids, labels = shuffled()
    STORE.folder.mkdir(parents=True, exist_ok=True)
    for number, grid in enumerate(grids[TRAINING:], start=1):
        pixels.enlarge(grid).save(images.path(number))
    STORE.write_truth(
        (images.key(number), {"digit": int(label)})
        for number, label in enumerate(labels[TRAINING:], start=1)
    )
    STORE.save({"digit": train(grids[:TRAINING], labels[:TRAINING])})
    return True


def shuffled() -> tuple[Any, Any]:
    """All grids (1797, 8, 8) with ink 0 to 16, and their labels, in a fixed random order."""
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(TRAINING + images.COUNT)
    return digits.images[order], digits.target[order]


def train(grids: Any, labels: Any) -> LogisticRegression:
    """Fitted on images as the agent will see them."""
    samples = np.stack([pixels.ink(pixels.enlarge(grid)) for grid in grids])
    return LogisticRegression(C=30, max_iter=500).fit(samples, labels)
