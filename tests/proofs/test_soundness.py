"""No certificate claims too much, and the test would see it if one did: a small run of benchmarks/soundness.py."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "soundness.py"
specification = importlib.util.spec_from_file_location("soundness", PATH)
soundness = importlib.util.module_from_spec(specification)
specification.loader.exec_module(soundness)


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
    return soundness.Zoo()


def test_no_verifier_claims_too_much(zoo):
    found = soundness.run(78, seed=1, zoo=zoo)
    assert found.violations == []
    assert all(found.positive[name] > 0 for name in found.runs)
    assert sum(found.positive.values()) > 0.3 * sum(found.runs.values())


@pytest.mark.parametrize("name", soundness.BUGS)
def test_planted_bugs_are_caught(zoo, name):
    first, count = CAUGHT_BY[name]
    assert soundness.run(count, seed=0, zoo=zoo, first=first).violations == []
    with soundness.bug(name):
        assert soundness.run(count, seed=0, zoo=zoo, first=first).violations
