"""Tidy tables of the dynamics study: means over samples and runs of one configuration, with 95 % intervals."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lk.extraction.tables import KINDS, depths
from lk.games import OUTPUT
from lk.metrics.intervals import Array, divide
from lk.metrics.strength import strength
from lk.studies.averages import tidy, weighted_mean
from lk.studies.class_means import jaccard_rows
from lk.studies.confusing_samples import chance_overlap
from lk.studies.dynamics import Configuration, LayerDynamics
from lk.studies.held_strength import shape_of
from lk.studies.life_history import HISTORIES, survival
from lk.studies.noise_curve import dividends, order_shares
from lk.studies.phases import gap_opens
from lk.studies.run_facts import high_orders, low_orders
from lk.text import epochs
from lk.transforms import orders

SIGNS = {"positive": 1, "negative": -1}
Measured = dict[str, list[LayerDynamics]]  # by layer, the runs
Tables = dict[str, pd.DataFrame]


def over_runs(
    found: Sequence[Array], axes: Mapping[str, Sequence[object]], samples: int, **about: object
) -> pd.DataFrame:
    """The mean over runs of arrays `(rows, *axes)`, with its interval over samples and runs."""
    every = np.stack(found)
    return tidy(every.mean(0), dict(axes), samples, [every[:, 0]], **about)


def checkpoints(one: Configuration, frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, with step and epoch in place of the checkpoint's position."""
    own = one.trajectories[0]
    place = frame["checkpoint"].to_numpy()
    return frame.assign(step=np.array(own.steps)[place], epoch=np.array(own.epochs)[place], network=one.name)


def by_layer(
    one: Configuration, measured: Measured, table: Callable[[list[LayerDynamics]], pd.DataFrame]
) -> pd.DataFrame:
    """A table of each layer, stacked; marked are checkpoints at which a run's layer says little."""
    deep, parts = depths(one.trajectories[0].layers), []
    for layer, runs in measured.items():
        frame = checkpoints(one, table(runs))
        said = torch.stack([own.own.informative[:, 0] for own in runs]).all(0).numpy()
        parts.append(frame.assign(layer=layer, depth=deep[layer], marked=~said[frame["checkpoint"].to_numpy()]))
    return pd.concat(parts, ignore_index=True)


def order_table(runs: list[LayerDynamics]) -> pd.DataFrame:
    """Share of each order and sign in the salient strength of a layer: checkpoint, sign, order, mean, low, high, n."""
    found = []
    for run in runs:
        own, rows = run.own, []
        for effects, chosen in zip(own.effects[:, :, :, 0], own.chosen[:, :, :, 0], strict=True):
            parts = [sum(strength(e, c, sign) for e, c in zip(effects, chosen, strict=True)) for sign in SIGNS.values()]
            rows.append(torch.stack([part[1:] for part in parts if isinstance(part, Tensor)]))
        sums = np.einsum("rb,tsob->rtso", run.weights, torch.stack(rows).double().numpy())
        found.append(divide(sums, sums.sum((2, 3), keepdims=True)))
    axes = {"checkpoint": range(found[0].shape[1]), "sign": list(SIGNS), "order": range(1, runs[0].n + 1)}
    return over_runs(found, axes, runs[0].own.effects.shape[-1])


def centre_table(runs: list[LayerDynamics]) -> pd.DataFrame:
    """Order centre, and share of strength that no reference network holds, by checkpoint."""
    parts = []
    for quantity in ("centre", "alone"):
        found = [getattr(run, quantity) for run in runs]
        if all(x is not None for x in found):
            rows = [weighted_mean(run.weights, x) for run, x in zip(runs, found, strict=True)]
            axes = {"checkpoint": range(rows[0].shape[1])}
            parts.append(over_runs(rows, axes, runs[0].own.effects.shape[-1], quantity=quantity))
    return pd.concat(parts, ignore_index=True)


def generalisation_table(runs: list[LayerDynamics]) -> pd.DataFrame:
    """Generalisation share by order beside chance, and strength of what is shared and of what nobody else holds."""
    if runs[0].held is None:
        return pd.DataFrame(columns=["quantity", "checkpoint", "order", "mean", "low", "high", "n"]).astype(
            {"checkpoint": int}
        )
    names = {"share": "held", "chance": "chance", "shared": "shared", "alone": "alone"}
    found = []
    for run in runs:
        held = run.held
        assert held is not None
        sums = {
            key: np.einsum("rb,tob->rto", run.weights, getattr(held, key)[:, 1:].numpy())
            for key in ("total", *names.values())
        }
        whole = sums["total"].sum(2, keepdims=True)
        parts = [divide(sums[key], sums["total"]) for key in ("held", "chance")]
        parts += [divide(sums[key], whole) for key in ("shared", "alone")]
        found.append(np.stack(parts, 1))
    axes = {"quantity": list(names), "checkpoint": range(found[0].shape[2]), "order": range(1, runs[0].n + 1)}
    return over_runs(found, axes, runs[0].own.effects.shape[-1])


def shape_table(table: pd.DataFrame) -> pd.DataFrame:
    """Shape over orders of shared strength and of what nobody else holds, at the first and the last checkpoint."""
    rows = []
    ends = table["step"].isin([table["step"].min(), table["step"].max()])
    chosen = table[ends & table["quantity"].isin(["shared", "alone"])]
    for (network, layer, step, part), own in chosen.groupby(["network", "layer", "step", "quantity"], sort=False):
        shape = shape_of(own.sort_values("order")["mean"].fillna(0.0).to_numpy(float))
        rows.append({"network": network, "layer": layer, "step": step, "quantity": part, **shape._asdict()})
    return pd.DataFrame(rows)


def phase_table(one: Configuration, measured: Measured) -> pd.DataFrame:
    """Where phase 1 ends and the order centre is lowest, of each run and layer; where the gap opens in all runs."""
    every = pd.concat([gap.set_index("epoch")["gap"] for gap in one.gaps], axis=1).dropna()
    opening, rows = gap_opens(every.index.to_numpy(float), every.to_numpy(float)), []
    for layer, runs in measured.items():
        for run in runs:
            least = run.lowest
            rows.append(
                {
                    "network": one.name,
                    "run": run.own.name,
                    "layer": layer,
                    "end_step": np.nan if run.end is None else run.own.steps[run.end],
                    "end_epoch": np.nan if run.end is None else run.own.epochs[run.end],
                    "lowest_step": run.own.steps[least],
                    "lowest_epoch": run.own.epochs[least],
                    "opens_epoch": opening.epoch,
                    **dict(zip(("slope", "slope_low", "slope_high"), opening.slope, strict=True)),
                }
            )
    return pd.DataFrame(rows)


# ---- life histories
def history_table(one: Configuration, measured: Measured) -> pd.DataFrame:
    """One row per interaction that is ever salient: when it is seen, who else holds it, and its history."""
    parts = []
    for layer, runs in measured.items():
        for run in runs:
            found, steps = run.lives, np.array(run.own.steps)[run.seen.numpy()]
            kind, coalition, sample = run.histories.ge(0).nonzero(as_tuple=True)
            at = (kind, coalition, sample)
            parts.append(
                pd.DataFrame(
                    {
                        "network": one.name,
                        "run": run.own.name,
                        "layer": layer,
                        "sample": sample.numpy(),
                        "kind": np.array(KINDS)[kind],
                        "coalition": coalition.numpy(),
                        "order": orders(run.n)[coalition].numpy(),
                        "sign": found.sign[at].numpy(),
                        "first_step": steps[found.first[at].numpy()],
                        "last_step": steps[found.last[at].numpy()],
                        "presence": found.share[at].numpy(),
                        "held": run.shared[at].numpy(),
                        "history": np.array(HISTORIES)[run.histories[at]],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def history_counts(one: Configuration, measured: Measured) -> pd.DataFrame:
    """Interactions of each history per sample, and their mean order: layer, history, quantity, mean, low, high, n."""
    parts = []
    for layer, runs in measured.items():
        size = orders(runs[0].n).double()[:, None]
        counts, means = [], []
        for run in runs:
            chosen = torch.stack([run.histories == k for k in range(len(HISTORIES))]).double()
            number = np.einsum("rb,hb->rh", run.weights, chosen.sum((1, 2)).numpy())
            counts.append(number)
            means.append(divide(np.einsum("rb,hb->rh", run.weights, (chosen * size).sum((1, 2)).numpy()), number))
        for quantity, found in (("count", counts), ("order", means)):
            about = {"network": one.name, "layer": layer, "quantity": quantity}
            parts.append(over_runs(found, {"history": HISTORIES}, one.samples, **about))
    return pd.concat(parts, ignore_index=True)


def survival_table(one: Configuration, runs: list[LayerDynamics]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Survival curves by order, and half-lives by the phase in which interactions are first seen; all runs together."""
    logs = runs[0].own.logs
    size = orders(runs[0].n)[:, None]
    groups = {
        "low orders": torch.isin(size, torch.tensor(low_orders(one.trajectories[0].n))),
        "high orders": torch.isin(size, torch.tensor(high_orders(one.trajectories[0].n))),
    }
    curves, half = [], []
    for run in runs:
        times, end = logs[run.seen], run.border
        early = run.lives.first <= int((run.seen < end).sum())
        for phase, within in (("phase 1", early), ("after phase 1", ~early)):
            for name, group in groups.items():
                found = survival(run.lives, times, group[None] & within)
                if found is None:
                    continue
                about = {"network": one.name, "run": run.own.name, "phase": phase, "orders": name, "n": found.n}
                half.append({**about, **dict(zip(("median", "low", "high"), found.median, strict=True))})
                curve = {"time": found.time, "mean": found.alive, "low": found.low, "high": found.high}
                curves.append(pd.DataFrame({**about, **curve}))
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(), pd.DataFrame(half)


def flow_table(one: Configuration, measured: Measured) -> pd.DataFrame:
    """What the alluvial figures show: interactions present per sample by history, and how many of them stay.

    Over epochs: the output's interactions at each checkpoint; `kept` are present at the next one too. Over layers: the
    salient interactions of each layer of the last network, by the history that the same interaction has at the output
    (`never at the output`); `kept` are salient in the next layer too, with the same sign.

    Returns:
        Columns network, axis (`epochs`, `layers`), place, label, history, count, kept.
    """
    rows = []
    runs, layers = measured[OUTPUT], list(measured)
    for axis in ("epochs", "layers"):
        names: Sequence[str] = HISTORIES if axis == "epochs" else (*HISTORIES, "never at the output")
        sums: dict[tuple[int, int], Array] = {}
        for i, run in enumerate(runs):
            if axis == "epochs":
                there, code = run.lives.present, run.histories
            else:
                signs = torch.stack([measured[layer][i].own.signs[-1, :, :, 0] for layer in layers])
                code = torch.where(run.histories < 0, len(HISTORIES), run.histories)
                there = signs != 0
            stays = there[:-1] & there[1:]
            if axis == "layers":
                stays &= signs[:-1] == signs[1:]
            for place in range(len(there)):
                for number in range(len(names)):
                    of = code == number
                    kept = float((stays[place] & of).sum()) if place < len(stays) else 0.0
                    both = np.array([float((there[place] & of).sum()), kept])
                    sums[place, number] = sums.get((place, number), np.zeros(2)) + both / one.samples / len(runs)
        labels = [epochs(run.own.epochs[p]) for p in run.seen.tolist()] if axis == "epochs" else layers
        rows += [
            {"network": one.name, "axis": axis, "place": place, "label": labels[place], "history": names[number]}
            | dict(zip(("count", "kept"), found, strict=True))
            for (place, number), found in sums.items()
        ]
    return pd.DataFrame(rows)


# ---- theory, samples, class means
def noise_table(one: Configuration, runs: list[LayerDynamics]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fitted sigma squared and distances by checkpoint, and the measured and the theoretical share of each order."""
    fits, curves = [], []
    for run in runs:
        variance, distance, without, curve = run.noise
        real = torch.stack([order_shares(dividends(effects[:, :, 0])).nanmean(1) for effects in run.own.effects])
        about = {"network": one.name, "run": run.own.name}
        for place, step in enumerate(run.own.steps):
            here = {**about, "step": step, "epoch": run.own.epochs[place]}
            means = {"distance": float(distance[place].nanmean()), "without": float(without[place].nanmean())}
            fits.append({**here, "variance": float(variance[place].median()), **means})
            shown = {"order": range(1, run.n + 1), "real": real[place].numpy(), "theory": curve[place].numpy()}
            curves.append(pd.DataFrame({**here, **shown}))
    found = pd.DataFrame(fits)
    return found, pd.concat(curves, ignore_index=True).merge(found[["network", "run", "step", "variance"]])


def confusing_table(one: Configuration, runs: list[LayerDynamics]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cancellation and share of high orders of each sample, and how far two runs flag the same samples."""
    samples = pd.concat(
        [
            pd.DataFrame(
                {
                    "network": one.name,
                    "run": run.own.name,
                    "sample": range(one.samples),
                    "correct": run.own.correct.numpy(),
                    **{key: value.numpy() for key, value in run.confusion._asdict().items()},
                }
            )
            for run in runs
        ],
        ignore_index=True,
    )
    pairs = [
        {"network": one.name, "a": a.own.name, "b": b.own.name}
        | dict(zip(("both", "expected", "p"), chance_overlap(a.confusion.flagged, b.confusion.flagged), strict=True))
        for a, b in combinations(runs, 2)
    ]
    return samples, pd.DataFrame(pairs)


def jaccard_table(one: Configuration) -> pd.DataFrame:
    """Signed Jaccard of class means by order and checkpoint; mean over runs."""
    parts = []
    for step in sorted(set[int]().union(*one.training)) if one.training else []:
        found = [jaccard_rows(one, run, step) for run in range(len(one.runs))]
        for name in found[0]:
            rows = [each[name][:, 1:] for each in found]
            axes = {"order": range(1, one.trajectories[0].n + 1)}
            parts.append(over_runs(rows, axes, one.samples, network=one.name, step=step, comparison=name))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def change_tables(one: Configuration, measured: Measured) -> Tables:
    """Phases and life histories: what a single run shows."""
    curves, half_lives = survival_table(one, measured[OUTPUT])
    gaps = [gap.assign(network=one.name, run=run.id) for run, gap in zip(one.runs, one.gaps, strict=True)]
    return {
        "centres": by_layer(one, measured, centre_table),
        "phases": phase_table(one, measured),
        "gaps": pd.concat(gaps, ignore_index=True),
        "history_counts": history_counts(one, measured),
        "flows": flow_table(one, measured),
        "survival": curves,
        "half_lives": half_lives,
    }


def tables_of(one: Configuration) -> Tables:
    """All tables of one configuration."""
    measured = one.measured
    output = measured[OUTPUT]
    fits, noise = noise_table(one, output)
    confusing, overlaps = confusing_table(one, output)
    general = by_layer(one, measured, generalisation_table)
    return {
        **change_tables(one, measured),
        "orders": by_layer(one, measured, order_table),
        "histories": history_table(one, measured),
        "generalisation": general,
        "shapes": shape_table(general),
        "noise": fits,
        "noise_orders": noise,
        "confusing": confusing,
        "confusing_overlaps": overlaps,
        "class_means": jaccard_table(one),
    }
