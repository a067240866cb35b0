"""Every example in a docstring of lk runs, and gives what it says."""

import doctest
import importlib
import pkgutil
import re

import pytest
import torch

import lk

MODULES = ["lk", *(module.name for module in pkgutil.walk_packages(lk.__path__, "lk."))]


class Checker(doctest.OutputChecker):
    """A zero may have either sign: examples say 0.0 where a sum ends at -0.0."""

    def check_output(self, want, got, flags):
        return super().check_output(want, re.sub(r"-(0\.0*)(?!\d)", r"\1", got), flags)


def examples_of(name):
    return [test for test in doctest.DocTestFinder().find(importlib.import_module(name)) if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example that writes, writes there
    runner = doctest.DocTestRunner(Checker(), optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in examples_of(name):
        test.globs.setdefault("torch", torch)  # examples take it as given
        runner.run(test)
    assert runner.failures == 0


def test_examples_are_found():
    assert sum(len(examples_of(name)) for name in MODULES) > 20
