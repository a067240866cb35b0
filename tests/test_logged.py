"""Everything that a run logs, number by number, against stored tables and the interactions files themselves."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors import safe_open

from lk.runs import Run
from lk.studies.averages import total
from lk.studies.extraction_averages import ExtractionAverages
from tests.helpers.wandb_records import records

KINDS = ("and_", "or_")


class Stored:
    """What one checkpoint's file says, worked out again in plain loops: no function of lk takes part."""

    def __init__(self, path):
        with safe_open(path, "pt") as file:
            about = file.metadata()
            tensors = {key: file.get_tensor(key).double().numpy() for key in file.keys() if key != "certified"}  # noqa: SIM118
            self.certified = file.get_tensor("certified").double().mean().item()
        self.layers, self.about = json.loads(about["layers"]), json.loads(about["about"])
        self.effects = {kind: tensors[kind].copy() for kind in KINDS}
        grand = sum(effects[1:].sum(0) for effects in self.effects.values()) + tensors["delta"][-1]
        for effects in self.effects.values():
            effects[0] = 0
        self.reach = np.abs(grand).mean(1)
        top = np.maximum(*(np.abs(effects).max(0) for effects in self.effects.values()))
        self.salient = {kind: np.abs(e) > self.about["salience_ratio"] * top for kind, e in self.effects.items()}
        self.samples = grand.shape[1]
        self.n = len(self.effects["and_"]).bit_length() - 1

    def by_order(self, layer):
        """Salient strength per sample of each order from 1 on, AND and OR added."""
        found = np.zeros(self.n + 1)
        for kind in KINDS:
            for coalition in range(2**self.n):
                kept = self.salient[kind][coalition, layer]
                found[bin(coalition).count("1")] += (
                    np.abs(self.effects[kind][coalition, layer])[kept].sum() / self.samples
                )
        return found[1:]

    def count(self, layer):
        return sum(self.salient[kind][:, layer].sum() for kind in KINDS) / self.samples

    def shared(self, layer):
        """Own, the output's, and shared salient strength, each relative to its layer's reach."""
        last, own, other, both = len(self.layers) - 1, 0.0, 0.0, 0.0
        for kind in KINDS:
            a, b = self.effects[kind][:, layer] / self.reach[layer], self.effects[kind][:, last] / self.reach[last]
            in_a, in_b = self.salient[kind][:, layer], self.salient[kind][:, last]
            own, other = own + np.abs(a[in_a]).sum(), other + np.abs(b[in_b]).sum()
            both += np.minimum(np.abs(a), np.abs(b))[in_a & in_b & (a * b > 0)].sum()
        return own, other, both

    def scalars(self):
        found = {"interactions/certified": self.certified}
        for place, layer in enumerate(self.layers):
            own, other, both = self.shared(place)
            at = f"interactions/{place + 1}_{layer}"
            found |= {f"{at}/salient": self.count(place), f"{at}/total_effect": self.reach[place]}
            if layer != "output":
                found |= {f"{at}/completeness": both / other, f"{at}/redundancy": (own - both) / own}
        return found


def from_tables(run, step):
    """The same names from the stored tables and from what the report reads."""
    games, probes, extraction = (
        run.read_table("default/games"),
        run.read_table("probes"),
        ExtractionAverages(run, "default"),
    )
    own = games[games["step"] == step]
    found = {"interactions/certified": own["certified"].mean()}
    tables = {key: frame[frame["step"] == step] for key, frame in extraction.tables.items()}
    comparisons = run.read_table("default/comparisons").query("step == @step and reference == 'output'")
    sums = comparisons.groupby("layer", sort=False)[["all", "all_reference", "overlap", "forgotten"]].sum()
    parts = {layer: f"{place + 1}_{layer}" for place, layer in enumerate(("layer1", "layer2", "output"))}
    for layer, part in parts.items():
        rows = own[own["layer"] == layer]
        found[f"interactions/{part}/salient"] = rows["salient"].mean()
        found[f"interactions/{part}/total_effect"] = rows["reach"].mean()
        if layer != "output":  # against itself: 1 and 0 by definition
            found[f"interactions/{part}/completeness"] = sums["overlap"][layer] / sums["all_reference"][layer]
            found[f"interactions/{part}/redundancy"] = sums["forgotten"][layer] / sums["all"][layer]
    for row in probes[probes["step"] == step].to_dict("records"):
        for quantity in ("accuracy", "calibration_error"):
            found[f"probe/{parts[row['layer']]}/{quantity}"] = row[quantity]
    page = {}
    for name, frame in {
        "salient": total(tables["counts"]),
        "total_effect": tables["reach"],
        **{q: total(tables["shares"], quantity=q, reference="output") for q in ("completeness", "redundancy")},
    }.items():
        page |= {f"interactions/{parts[row['layer']]}/{name}": row["mean"] for row in frame.to_dict("records")}
    return found, {name: value for name, value in page.items() if name in found}


def is_measure(key):
    return key.startswith(("interactions/", "probe/")) and not key.startswith("interactions/strongest")


@pytest.fixture(scope="module")
def history(tiny_run):
    return [record["history"]["item"] for record in records(tiny_run / "wandb") if record["type"] == "history"]


@pytest.fixture(scope="module")
def checkpoints(history):
    """`{step: what W&B was given}`."""
    return {item["trainer/global_step"]: item for item in history if "interactions/certified" in item}


def test_every_number_of_a_checkpoint_is_that_of_the_file_the_tables_and_the_page(tiny_run, checkpoints):
    run = Run(tiny_run)
    assert list(checkpoints) == list(run.extracted("default"))
    for step, path in run.extracted("default").items():
        logged = {key: value for key, value in checkpoints[step].items() if is_measure(key)}
        stored, (tables, page) = Stored(path), from_tables(run, step)
        assert set(logged) == set(tables)  # nothing is logged that no table holds, and the other way round
        assert logged == pytest.approx(tables, rel=1e-5, abs=1e-7)
        recomputed = stored.scalars()
        assert {key: logged[key] for key in recomputed} == pytest.approx(recomputed, rel=1e-5, abs=1e-6)
        assert {key: logged[key] for key in page} == pytest.approx(page, rel=1e-12)
        assert checkpoints[step]["checkpoint/epoch"] == stored.about["epoch"]


def test_the_page_divides_the_same_strength_by_reach(tiny_run):
    extraction = ExtractionAverages(Run(tiny_run), "default")
    absolute, relative = extraction.last["salient_strength"], extraction.last["strengths"]
    relative = relative[relative["quantity"] == "salient"]
    both = absolute.merge(relative, on=["layer", "kind", "order"]).merge(
        extraction.last["reach"][["layer", "mean"]], on="layer"
    )
    np.testing.assert_allclose(both["mean_x"], both["mean_y"] * both["mean"], rtol=1e-9)
    path = list(Run(tiny_run).extracted("default").values())[-1]
    stored = Stored(path)
    for place, layer in enumerate(stored.layers):
        rows = absolute[
            (absolute["layer"] == layer) & (absolute["kind"] == "both") & (absolute["order"] > 0)
        ].sort_values("order")
        np.testing.assert_allclose(rows["mean"], stored.by_order(place), rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def csv_run(tiny_config, tmp_path_factory):
    """The tiny run with Lightning's CSV logger."""
    from lk.cli import train

    runs = tmp_path_factory.mktemp("csv")
    settings = yaml.safe_load(tiny_config.read_text())
    settings["trainer"] |= {
        "logger": {"class_path": "pytorch_lightning.loggers.CSVLogger", "init_args": {}},
        "log_every_n_steps": 2,
    }
    config = runs / "csv.yaml"
    config.write_text(yaml.safe_dump(settings))
    train(["fit", "--config", str(config), "--runs_dir", str(runs), "--id", "csv", "--report", "false"])
    (metrics,) = runs.rglob("metrics.csv")
    return Run(runs / "csv"), pd.read_csv(metrics)


def test_a_csv_logger_gets_the_same_numbers(csv_run):
    run, metrics = csv_run
    for step in run.extracted("default"):
        (row,) = metrics[(metrics["step"] == step) & metrics["checkpoint/epoch"].notna()].to_dict("records")
        logged = {key: value for key, value in row.items() if is_measure(key)}
        assert logged == pytest.approx(from_tables(run, step)[0], rel=1e-5, abs=1e-7, nan_ok=True)


def test_without_effects_there_are_no_ratios():
    from lk.callbacks.log import scalars
    from lk.extraction.tables import games
    from lk.interactions import interactions_of
    from lk.metrics.intervals import equal_weights
    from lk.studies.averages import averages

    flat = interactions_of(torch.ones(4, 2, 3), ["first", "output"])
    means = averages(flat, equal_weights(3))
    assert set(scalars(means, games(flat), None, "x")) == {
        "interactions/x/1_first/salient",
        "interactions/x/2_output/salient",
        "interactions/x/1_first/total_effect",
        "interactions/x/2_output/total_effect",
        "interactions/x/certified",
    }


@pytest.mark.parametrize("source", ["wandb", "csv"])
def test_epochs_and_steps_are_those_of_tables_and_checkpoints(source, tiny_run, history, csv_run):
    """Lightning counts both from 0.

    A run of 25 epochs of 45 steps ended at 24 and 1 124, beside a checkpoint of epoch 25 and step 1 125.
    """
    if source == "csv":
        run, frame = csv_run
    else:
        run, frame = Run(tiny_run), pd.DataFrame(history).rename(columns={"trainer/global_step": "step"})
    training, steps = run.read_table("training"), list(run.checkpoints)
    per_epoch = 6
    assert frame["step"].max() == steps[-1] == training["step"].max() == 12
    assert frame["epoch"].max() == frame["checkpoint/epoch"].max() == training["epoch"].max() == 2
    logged = frame[frame["epoch"].notna()]
    assert logged["epoch"].to_numpy() == pytest.approx(logged["step"].to_numpy() / per_epoch, rel=1e-6)
    for quantity in ("test/loss", "test/accuracy", "train/accuracy"):
        rows, stored = logged[logged[quantity].notna()], training[training["quantity"] == quantity]
        assert rows["step"].tolist() == stored["step"].tolist()
        assert rows["epoch"].tolist() == stored["epoch"].tolist()
        assert rows[quantity].tolist() == pytest.approx(stored["value"].tolist(), rel=1e-6)
    assert {"epoch", "step"}.isdisjoint(training["quantity"])
    if source == "csv":
        assert sorted(logged[logged["train/loss"].notna()]["step"]) == [2, 4, 6, 8, 10, 12]  # every second step


def test_what_computed_the_run_is_a_table_of_it(tiny_run):
    (row,) = Run(tiny_run).read_table("environment").to_dict("records")
    assert (row["what"], row["step"], row["threads"]) == ("training", 0, torch.get_num_threads())
    assert row["torch"] == torch.__version__.split("+")[0]
