"""What an import of `lk` loads, in a process of its own."""

import subprocess
import sys

import pytest

import lk

HEAVY = set(
    [
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
    ]
)


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
    ],
)
def test_heavy_packages_are_loaded_where_they_are_used(code, allowed):
    assert loaded(code) <= allowed


def test_every_public_name_is_there():
    for name in lk.__all__:
        assert getattr(lk, name) is not None
    assert set(lk.__all__) <= set(dir(lk))
    assert callable(lk.explain)
    with pytest.raises(AttributeError, match="no attribute 'explian'"):
        lk.explian  # noqa: B018
