"""Stored interactions beside what the solver finds for the same games today: how many differ, and what that does to the counts.

python benchmarks/decomposed_again.py runs/paper/sst2-bert-0 [runs/paper/mnist-mlp7-0 ...] [--name paper]
"""

import argparse

import torch
from safetensors.torch import load_file

from lk.interactions import Interactions, decompose
from lk.runs import Run, step_name

DIFFERENT = 1e-3  # largest change of an effect, relative to the game's strongest


def salient(effects, ratio=0.05):
    """Salient interactions of every game, `(layers, samples)`."""
    strength = effects.abs()
    return (strength > ratio * strength.amax((0, 1))).sum((0, 1)).double()


def compare(path, name):
    run = Run(path)
    folder = run.extraction(name) / step_name(max(run.checkpoints))
    stored = Interactions.load(folder / "interactions.safetensors")
    about = stored.about
    found = decompose(load_file(folder / "values.safetensors")["values"], about["kappa"], about["gap"], lean=about["lean"])
    now = torch.stack([found.and_, found.or_])
    now[:, 0] = 0
    changed = (now - stored.effects).abs().amax((0, 1)) > DIFFERENT * now.abs().amax((0, 1))
    before, after = salient(stored.effects), salient(now)
    widest = int(((after - before).mean(1)).abs().argmax())
    print(
        f"| {run.id} | {changed.numel()} | {int((~found.canonical).sum())} | {int(changed.sum())} | {int(changed[-1].sum())} of {changed.shape[1]} "
        f"| {before[-1].mean():.1f} | {after[-1].mean():.1f} | {stored.layers[widest]}: {before[widest].mean():.1f} to {after[widest].mean():.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--name", default="paper")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| run | games | not canonical today | changed | at the output | salient at the output, stored | today | layer that changes most |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in arguments.runs:
        compare(path, arguments.name)
