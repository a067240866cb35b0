"""Run folders made by hand: small, quick, and with known contents."""

import pandas as pd
import torch
import yaml

from lk.extraction import Samples
from lk.extraction.tables import write_tables
from lk.interactions import Interactions, Origin
from lk.interactions.origin import PER_SAMPLE
from lk.runs import Run, step_name
from lk.transforms import orders

LAYERS = ("first", "second", "third", "output")
STEPS = {0: 0.0, 2: 0.25, 20: 2.0}


def typed(**given):
    """Fields of `Interactions` from plain lists and numbers; what is none of its own belongs to its origin."""
    tensors = {key: torch.tensor(given.pop(key)) for key in PER_SAMPLE if key in given}
    origin = Origin(**{key: given.pop(key) for key in Origin.__dataclass_fields__ if key in given})
    return {**given, **tensors, "players": tuple(given.get("players", ())), "origin": origin}


def interactions(n=4, layers=LAYERS, games=6, seed=0, strength=1.0, **about):
    """Sparse effects that agree more and more with the output's along the layers.

    Universal matching holds with delta = 0.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (2**n, len(layers), games)
    target, own = torch.randn(2, 2**n, 1, games, generator=generator), torch.randn(2, *shape, generator=generator)
    share = torch.linspace(0, 1, len(layers))[:, None]
    effects = share * target + (1 - share) * own
    effects[effects.abs() < 0.6] *= 0.01
    size = orders(n)[:, None, None]
    effects = effects * strength * (0.7**size)
    effects[1] *= size > 1  # effects of single players are AND effects
    effects[0, 0] = 0.3
    and_, or_ = effects[0].contiguous(), effects[1].contiguous()
    objective = (and_[1:].abs().sum(0) + or_[1:].abs().sum(0)).double()
    certified = torch.ones(objective.shape, dtype=torch.bool)
    return Interactions(
        and_, or_, torch.zeros(shape), objective, 0.9995 * objective, certified, tuple(layers), **typed(**about)
    )


def write_run(
    folder,
    *,
    n=4,
    layers=LAYERS,
    samples=6,
    steps=None,
    seed=0,
    network="lk.networks.MLP",
    training_seed=0,
    classes=("cat", "dog"),
    players=(),
    wrong=(),
    first_index=100,
    strength=1.0,
    at_chance=(),
    tables=True,
    settings=None,
    data="lk.data.Digits",
    extraction="default",
):
    """A run on 8x8 images (or a table where `players` are named) with three checkpoints, probes and curves."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = STEPS if steps is None else steps
    config = {
        "seed_everything": training_seed,
        "trainer": {"max_epochs": 2},
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
        "data": {"class_path": data, "init_args": {"batch_size": 8}},
        "model": {"network": {"class_path": network, "init_args": {"widths": [4, 4, 4]}}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    run, place = Run(folder), folder / "extractions" / extraction
    place.mkdir(parents=True, exist_ok=True)
    chosen = {
        "players": {"class_path": "lk.games.players.Grid", "init_args": {"patch": 4}},
        "score": {"class_path": "lk.scores.TrueClass"},
    }
    (place / "settings.yaml").write_text(
        yaml.safe_dump({**chosen, "kappa": 0.04, "salience_ratio": 0.05, **(settings or {})})
    )
    index = torch.arange(first_index, first_index + samples)
    labels = torch.arange(samples) % len(classes)
    generator = torch.Generator().manual_seed(5)
    pixels = torch.rand(1000, *((n,) if players else (1, 8, 8)), generator=generator)
    owner = torch.arange(n) if players else torch.arange(8)[:, None] // 4 * 2 + torch.arange(8)[None] // 4
    x = pixels[index]
    owner = owner.expand(x.shape).contiguous()
    Samples(x, labels, index, owner, torch.zeros_like(x), tuple(players), tuple(classes)).save(
        place / "samples.safetensors"
    )
    about = {
        "labels": labels.tolist(),
        "samples": index.tolist(),
        "correct": [i not in wrong for i in range(samples)],
        "salience_ratio": 0.05,
    }
    for number, (step, epoch) in enumerate(steps.items()):
        found = interactions(
            n,
            layers,
            samples,
            seed * 10 + number,
            strength,
            step=step,
            epoch=epoch,
            gap=0.001,
            players=list(players),
            seconds={"play": 1.0, "decompose": 3.0},
            versions={"torch": "2"},
            **about,
        )
        (place / step_name(step)).mkdir()
        from safetensors.torch import save_file

        save_file({"values": found.values.contiguous()}, place / step_name(step) / "values.safetensors")
        found.save(place / step_name(step) / "interactions.safetensors")
    if tables:
        rows = [
            {
                "step": step,
                "epoch": epoch,
                "layer": layer,
                "depth": i / max(1, len(layers) - 1),
                "accuracy": 0.5 if layer in at_chance else 0.9,
                "calibration_error": 0.1,
                "loss": 0.3,
                "chance": 0.5,
                "at_chance": layer in at_chance,
                "samples": 50,
                "gradient_norm": 1e-6,
                "iterations": 9,
            }
            for step, epoch in steps.items()
            for i, layer in enumerate(layers)
        ]
        run.write_table("probes", pd.DataFrame(rows))
        curves = {"train/loss": 0.5, "train/accuracy": 0.8, "test/loss": 0.6, "test/accuracy": 0.75}
        run.write_table(
            "training",
            pd.DataFrame(
                [
                    {"step": 10 * e, "epoch": float(e), "quantity": q, "value": v / e}
                    for e in (1, 2)
                    for q, v in curves.items()
                ]
            ),
        )
    write_tables(run, extraction)
    return run
