"""Benchmarks run by hand: here each is imported, so that a function of lk that moves takes them along."""

import ast
import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
FILES = {".".join(path.relative_to(FOLDER).with_suffix("").parts): path for path in FOLDER.rglob("*.py")}


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_benchmark_finds_what_it_imports(name, monkeypatch):
    """At the top of the file and, of lk, inside functions too."""
    monkeypatch.syspath_prepend(FOLDER)
    importlib.import_module(name)
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "lk":
            module = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
