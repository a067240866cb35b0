"""A sample of benchmarks/fuzz.py: damaged run folders and configurations through the real commands."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from fuzz import run_cases


@pytest.mark.filterwarnings("ignore")  # of Lightning, about configurations that make no sense
def test_forty_cases(tmp_path):
    """No traceback, no hang, no silent change. Reports take seconds each: they are left to the benchmark."""
    counts, bad = run_cases(tmp_path, range(1000, 1040), reports=False)
    assert not bad, "\n".join(bad)
    assert sum(sum(found.values()) for found in counts.values()) == 40
    assert len(counts) >= 5
