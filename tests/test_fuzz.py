"""A sample of benchmarks/fuzz.py: damaged run folders and configurations through the real commands."""

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")  # of Lightning, about configurations that make no sense
def test_forty_cases(fuzz, tmp_path):
    """No traceback, no hang, no silent change. Reports take seconds each: they are left to the benchmark."""
    counts, bad = fuzz.run_cases(tmp_path, range(1000, 1040), reports=False)
    assert not bad, "\n".join(bad)
    assert sum(sum(found.values()) for found in counts.values()) == 40
    assert len(counts) >= 5
