"""What an import of `lk` loads, in a process of its own."""

import subprocess
import sys

import pytest

import lk

HEAVY = {
    "lightning_fabric",
    "matplotlib",
    "numba",
    "pandas",
    "pytorch_lightning",
    "scipy",
    "sklearn",
    "torch._dynamo",
    "torchmetrics",
    "torchvision",
    "transformers",
    "wandb",
}


def loaded(code):
    """The heavy packages that some code loads."""
    show = f"import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import lk, torch, numpy", set()),
        ("import lk; lk.decompose", {"numba", "scipy"}),
        ("import lk; lk.Interactions", {"numba", "scipy", "pandas"}),
        ("import lk; lk.Run", {"numba", "scipy", "pandas"}),
        ("import lk.extraction, lk.games, lk.probes", {"numba", "scipy", "pandas"}),
        ("import lk.cli.probing, lk.cli.analysis, lk.cli.finished", {"numba", "scipy", "pandas"}),
    ],
)
def test_heavy_packages_are_loaded_where_they_are_used(code, allowed):
    assert loaded(code) <= allowed


@pytest.mark.parametrize("words", ["probe fit", "analyze extract", "analyze paper"])
def test_help_loads_no_lightning(words):
    command, subcommand = words.split()
    code = f"from contextlib import suppress, redirect_stdout\nimport io\nfrom lk.cli import {command}\n"
    code += f"with suppress(SystemExit), redirect_stdout(io.StringIO()):\n    {command}(['{subcommand}', '--help'])"
    assert loaded(code).isdisjoint(
        {"pytorch_lightning", "torchmetrics", "torchvision", "transformers", "torch._dynamo"}
    )


def test_every_public_name_is_there():
    for name in lk.__all__:
        assert getattr(lk, name) is not None
    assert set(lk.__all__) <= set(dir(lk))
    assert callable(lk.explain)
    with pytest.raises(AttributeError, match="no attribute 'explian'"):
        lk.explian  # noqa: B018
