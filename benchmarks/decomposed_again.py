"""Stored interactions beside what the solver finds for the same games today.

How many differ, and what that does to the counts.

python benchmarks/decomposed_again.py runs/paper/sst2-bert-0 [runs/paper/mnist-mlp7-0 ...] [--name paper]
"""

import argparse
from dataclasses import replace

import torch
from safetensors.torch import load_file

from lk.decomposition import decompose
from lk.interactions import Interactions
from lk.runs import Run, step_name

DIFFERENT = 1e-3  # largest change of an effect, relative to the game's strongest


def compare(path, name):
    run = Run(path)
    folder = run.extraction(name) / step_name(max(run.checkpoints))
    stored = Interactions.load(folder / "interactions.safetensors")
    values = load_file(folder / "values.safetensors")["values"]
    found = decompose(values, stored.kappa, stored.gap, tie_break=stored.tie_break)
    now = replace(stored, and_=found.and_, or_=found.or_)
    changed = (now.effects - stored.effects).abs().amax((0, 1)) > DIFFERENT * now.effects.abs().amax((0, 1))
    before, after = (each.salient().sum((0, 1)).double() for each in (stored, now))
    widest = int(((after - before).mean(1)).abs().argmax())
    print(
        f"| {run.id} | {changed.numel()} | {int((~found.canonical).sum())} | {int(changed.sum())} | "
        f"{int(changed[-1].sum())} of {changed.shape[1]} | {before[-1].mean():.1f} | {after[-1].mean():.1f} | "
        f"{stored.layers[widest]}: {before[widest].mean():.1f} to {after[widest].mean():.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--name", default="paper")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| run | games | not canonical today | changed | at the output | salient at the output, stored | today | layer "
        "that changes most |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in arguments.runs:
        compare(path, arguments.name)
