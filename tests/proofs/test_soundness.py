"""No certificate claims too much, and the test would see it if one did: a small run of benchmarks/soundness.py."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from sound.bugs import BUGS, bug
from sound.cases import Zoo
from soundness import run

# Cases of the long run (seed 0) that catch each bug: the first one and how many.
CAUGHT_BY = {
    "dropped error term": (0, 1),
    "norm over the wrong axis": (4, 1),
    "a missing class": (0, 1),
    "no slack": (9, 1),
    "trust in a label": (17, 1),
    "the margin at the wrong element": (3, 1),
    "a stale table": (0, 14),  # it takes a second network of the same shape
    "an underflow under a root": (39, 1),
    "an early exit in a slack": (56, 1),
    "folding forgotten": (9, 1),
    "trust in an action": (143, 1),
    "silent neurons for nothing": (3, 1),
}


@pytest.fixture(scope="module")
def zoo():
    return Zoo()


def test_no_verifier_claims_too_much(zoo):
    found = run(78, seed=1, zoo=zoo)
    assert found.violations == []
    assert all(found.positive[name] > 0 for name in found.runs)
    assert sum(found.positive.values()) > 0.3 * sum(found.runs.values())


@pytest.mark.parametrize("name", BUGS)
def test_planted_bugs_are_caught(zoo, name):
    first, count = CAUGHT_BY[name]
    assert run(count, seed=0, zoo=zoo, first=first).violations == []
    with bug(name):
        assert run(count, seed=0, zoo=zoo, first=first).violations
