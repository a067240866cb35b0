"""Every example in a docstring of lk runs, and gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

import lk

MODULES = ["lk", *(module.name for module in pkgutil.walk_packages(lk.__path__, "lk."))]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example that writes, writes there
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_examples_are_found():
    counts = [len([t for t in doctest.DocTestFinder().find(importlib.import_module(name)) if t.examples]) for name in MODULES]
    assert sum(counts) > 20
