"""Counting ballots, against a count that tries every way the open seats can be filled."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.tally import Ballot, tally

ballots = st.lists(
    st.builds(Ballot, st.sampled_from(["approved", "rejected"]), st.sampled_from([1, 2])),
    max_size=4,
)


def can_agree(cast: list[Ballot], waiting: int, approvals: int) -> bool:
    """Whether some way of filling the open seats makes enough equal ballots."""
    kinds = [Ballot(word, value) for word in ("approved", "rejected") for value in (1, 2)]
    return any(
        max(([*cast, *more].count(kind) for kind in kinds), default=0) >= approvals
        for more in product(kinds, repeat=waiting)
    )


@given(ballots, st.integers(0, 2), st.integers(1, 3))
def test_the_tally_is_open_as_long_as_they_can_agree(
    cast: list[Ballot], waiting: int, approvals: int
) -> None:
    found = tally(cast, waiting=waiting, approvals=approvals, equal=lambda a, b: a == b)

    if found.state == "agreed":
        assert found.ballot is not None
        assert cast.count(found.ballot) >= approvals
    else:
        assert all(cast.count(ballot) < approvals for ballot in cast)
        assert (found.state == "open") is can_agree(cast, waiting, approvals)


def test_values_count_together_where_they_are_equal_in_what_counts() -> None:
    cast = [Ballot("approved", "1.0"), Ballot("approved", "1")]

    found = tally(cast, waiting=0, approvals=2, equal=lambda a, b: float(a) == float(b))

    assert found.ballot == cast[0]
