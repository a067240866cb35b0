"""Layers of the architecture: what a module of lk may import, directly and through others, read from its source."""

import ast
import functools
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import lk

ROOT = Path(lk.__file__).parent

# From the ground up. A part may import the floors below it and itself, never its own floor or one above.
FLOORS = (
    {"extras", "text", "transforms", "storage"},  # names, numbers, butterflies, files: they know nothing of lk
    {"layers", "groups"},  # activations by name, finite groups
    {"data", "networks", "scores"},  # what enters; what a game is played for; what may be read
    {"probes", "runs"},  # what layers know; where things lie, and what is rebuilt from there
    {"games", "decomposition", "proofs", "sweeps"},
    {"interactions", "finders"},
    {"metrics"},
    {"extraction"},  # games and interactions over samples, for all callers
    {"studies", "plots"},
    {"charts"},
    {"pages"},
    {"certification"},
    {"report"},
    {"paper"},
)
# The edge may see everything, and nothing below imports it.
EDGE = {"tasks", "callbacks", "cli", "console", "loggers", "explained"}
FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
# Interactions draw themselves: the figure is imported when one is asked for.
LAZY = {("interactions", "plots")}
# Lightning, W&B and pictures stay where they belong.
ONLY_IN = {
    "pytorch_lightning": {"data", "extraction", "paper", *EDGE},  # extraction, paper: isolate_rng around a checkpoint
    "wandb": {"cli", "loggers"},
    "matplotlib": {
        *("plots", "charts", "pages", "report", "paper", "certification", "explained", "callbacks", "interactions"),
        "loggers",
    },
    "jsonargparse": {"cli"},
    "rich": {"console"},
    "submitit": {"sweeps"},
    "wandb_workspaces": {"loggers"},
    "jinja2": {"pages"},
}


def part_of(path):
    relative = path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


def imported(path):
    """Every module that the file imports anywhere, functions included: (line, dotted name)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: relative import; write the full name"
            if node.module == "lk":
                yield from ((node.lineno, f"lk.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module


def violations(path):
    part = part_of(path)
    for line, name in imported(path):
        top, _, rest = name.partition(".")
        other = rest.split(".")[0]
        where = f"lk/{path.relative_to(ROOT).as_posix()}:{line} imports {name}"
        if top == "lk" and rest and part not in {*EDGE, "__init__", other}:
            if other in EDGE:
                yield f"{where}: nothing below the edge imports it"
            elif part in FLOOR_OF and (part, other) not in LAZY and FLOOR_OF[other] >= FLOOR_OF[part]:
                yield f"{where}: {other} does not lie below {part}"
        if top == "lightning":
            yield f"{where}: import pytorch_lightning, mixing both breaks isinstance"
        if top in ONLY_IN and part not in ONLY_IN[top]:
            yield f"{where}: {top} stays in {', '.join(sorted(ONLY_IN[top]))}"


FILES = tuple(sorted(ROOT.rglob("*.py")))
BELOW = tuple(path for path in FILES if path.parent != ROOT or path.name != "__init__.py")


def module_of(path):
    """Dotted name of a file of lk."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def graph(files):
    """Modules of lk that each module of lk imports.

    Importing a module runs the `__init__` of every package that holds it.
    """
    names = {module_of(path) for path in files}

    def known(name):
        parts = name.split(".")
        return {".".join(parts[:end]) for end in range(2, len(parts) + 1)} & names

    found = {}
    for path in files:
        words = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        froms = [node for node in words if isinstance(node, ast.ImportFrom) and node.module]
        members = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
        found[module_of(path)] = set().union(*map(known, {name for _, name in imported(path)} | members))
    return found


def reached(start, edges):
    """All modules that are imported by some, directly or through others."""
    seen, open_ = set(start), list(start)
    while open_:
        new = edges[open_.pop()] - seen
        seen |= new
        open_ += new
    return seen


@pytest.mark.parametrize("part", sorted(FLOOR_OF))
def test_nothing_above_is_reached_through_others(part):
    edges = graph(BELOW)
    for pair in LAZY:  # plots reach interactions again: the circle is broken by an import inside a function
        edges = {
            name: {to for to in ends if (name.split(".")[1], to.split(".")[1]) != pair} for name, ends in edges.items()
        }
    found = {name.split(".")[1] for name in reached([name for name in edges if name.split(".")[1] == part], edges)}
    assert [other for other in sorted(found - {part}) if FLOOR_OF.get(other, 99) >= FLOOR_OF[part]] == []


def test_trusted_code_reaches_no_search():
    edges = graph(BELOW)

    def parts(prefix):
        return {name.split(".")[1] for name in reached([name for name in edges if name.startswith(prefix)], edges)}

    assert parts("lk.proofs") <= {"proofs", "groups", "networks", "storage", "text", "layers", "extras", "transforms"}
    assert {"finders", "proofs"} <= parts("lk.certification.certify")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_walks_back(path):
    assert list(violations(path)) == []


def test_every_part_has_a_place():
    """A new package or module: add it to a floor, or to the edge."""
    assert {part_of(path) for path in FILES} - {"__init__"} <= {*FLOOR_OF, *EDGE}


def test_the_test_sees_violations(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "metrics").mkdir()
    wrong = tmp_path / "metrics" / "new.py"
    wrong.write_text(
        "def f():\n    from lk.extraction.tables import measure\n    import lk.cli\n    from lk import extraction\n    "
        "import wandb\n"
    )
    assert [message.split(": ")[0].split(":")[1] for message in violations(wrong)] == [
        "2 imports lk.extraction.tables",
        "3 imports lk.cli",
        "4 imports lk.extraction",
        "5 imports wandb",
    ]
    wrong.write_text("import torch\nfrom lk.interactions import orders\nfrom lk.metrics.ratios import ratio\n")
    assert list(violations(wrong)) == []


PACKAGES = [module.name for module in pkgutil.iter_modules(lk.__path__, "lk.") if module.ispkg]


@pytest.mark.parametrize("name", PACKAGES)
def test_exports_exist_are_sorted_out_and_described(name):
    package = importlib.import_module(name)
    exported = getattr(package, "__all__", [])
    assert len(set(exported)) == len(exported)
    for export in exported:
        thing = getattr(package, export)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), f"{name}.{export} has no docstring"
            assert thing.__module__.startswith("lk."), f"{name}.{export} belongs to {thing.__module__}"
    assert inspect.getdoc(package)
