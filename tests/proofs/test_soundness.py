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
    "dropped error term": (3, 1),
    "norm over the wrong axis": (77, 1),
    "a missing class": (49, 1),
    "no slack": (16, 1),
    "trust in a label": (51, 1),
    "the margin at the wrong element": (9, 1),
    "a stale table": (0, 38),  # it takes a second network of the same shape
    "trust in an action": (25, 1),
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
