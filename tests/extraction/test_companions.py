"""Companions of the interactions: stored, tabulated, compared, and without effect on anything else."""

import re
import shutil

import pytest
import torch
from safetensors.torch import load_file

from lk.cli import analyze
from lk.extraction.companions import FILE, Companions, cka_between
from lk.extraction.tables import write_tables
from lk.interactions import Interactions
from lk.metrics import cka, effective_rank
from lk.runs import Run


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """A run whose own extraction was asked for companions afterwards."""
    run = Run(shutil.copytree(tiny_run, tmp_path_factory.mktemp("companions") / "tiny"))
    analyze(["extract", str(run.path), "--extraction.companions", "true"])
    return run


def stored(run):
    return [Companions.load(path.parent / FILE) for path in run.extracted("default").values()]


def test_interactions_stay_as_they_were(run, tiny_run):
    for step, path in Run(tiny_run).extracted("default").items():
        ours, theirs = load_file(run.extracted("default")[step]), load_file(path)
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
        assert not (path.parent / FILE).exists()


def test_grams_are_those_of_the_features(run):
    data = run.data()
    network = run.network(data)
    last = stored(run)[-1]
    run.load(network, max(run.checkpoints))
    assert list(last.grams) == [*network.layers, "output"]
    assert torch.equal(last.y, data.labels(data.test)[last.index])
    x = torch.stack([data.test[int(i)][0] for i in last.index])
    with torch.no_grad():
        logits = network.eval()(x).double()
    logits -= logits.mean(0)
    assert torch.allclose(last.grams["output"].double(), logits @ logits.T, atol=1e-3)


def test_tables_hold_the_measures(run):
    table, pairs = run.read_table("default/companions"), run.read_table("default/cka")
    every = stored(run)
    assert len(table) == len(every) * 3
    assert len(pairs) == len(every) * 3
    row = table[(table["step"] == 12) & (table["layer"] == "layer1")].iloc[0]
    assert row["effective_rank"] == pytest.approx(effective_rank(every[-1].grams["layer1"]))
    assert row["cka_output"] == pytest.approx(cka(every[-1].grams["layer1"], every[-1].grams["output"]))
    assert row["cka_before"] == pytest.approx(cka(every[-1].grams["layer1"], every[-2].grams["layer1"]))
    assert table[table["step"] == 0]["cka_before"].isna().all()
    assert table["knn_accuracy"].between(0.3, 1).all()  # digits are near their kind in pixels already


def test_the_report_sets_them_beside_completeness(run, tiny_run):
    page = re.sub(r"\s+", " ", (run.path / "report.html").read_text(encoding="utf-8"))
    assert "Completeness beside other measures of layers" in page
    assert re.search(
        r"Over 8 pairs of layer and checkpoint, completeness .*: rank correlation with 95.% interval", page
    )
    assert (run.figures / "companions.svg").is_file()
    assert "other measures of layers" not in (tiny_run / "report.html").read_text(encoding="utf-8")


def test_runs_are_compared_on_the_same_samples(run):
    first, *_, last = stored(run)
    table = cka_between(last, last).set_index(["layer", "other"])["cka"]
    assert table["layer1", "layer1"] == pytest.approx(1.0)
    assert table["layer1", "output"] == pytest.approx(table["output", "layer1"])
    assert cka_between(first, last).set_index(["layer", "other"])["cka"]["output", "output"] < 0.9
    other = Companions(last.grams, last.y, last.index + 1, last.made_from)
    with pytest.raises(ValueError, match="expected Gram matrices of the same test samples"):
        cka_between(last, other)


def test_other_weights_are_measured_again(run, tmp_path):
    copy = Run(shutil.copytree(run.path, tmp_path / "copy"))
    first, last = (path.parent / FILE for path in (copy.extracted("default")[0], copy.extracted("default")[12]))
    expected = Companions.load(last)
    last.unlink()  # what was loaded is read from the file in place: never overwrite it
    shutil.copy(first, last)
    assert set(write_tables(copy, "default")["companions"]["step"]) == set(copy.checkpoints) - {12}
    analyze(["extract", str(copy.path), "--report", "false", "--extraction.companions", "true"])
    again = Companions.load(last)
    assert again.made_from == expected.made_from
    torch.testing.assert_close(again.grams, expected.grams)  # sums of BLAS, not bit for bit


def test_damaged_grams_are_refused(run, tmp_path):
    path = tmp_path / FILE
    path.write_bytes((run.extracted("default")[0].parent / FILE).read_bytes()[:-5])
    with pytest.raises(ValueError, match="extract again"):
        Companions.load(path)
    Interactions.load(run.extracted("default")[0])
    with pytest.raises(ValueError, match="holds no Gram matrices"):
        Companions.load(run.extracted("default")[0])
