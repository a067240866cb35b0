"""A changed setting, file or network gives a changed result: never what an earlier one left in the folder."""

import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lk.cli import analyze, probe
from lk.data import Digits
from lk.extraction import Checkpoint, Extraction, Samples
from lk.extraction.games import extract as extract_checkpoint
from lk.extraction.probing import fit_probes, probe_checkpoint
from lk.games import Foreground
from lk.games.maskers import Given, Masker
from lk.layers import frozen
from lk.networks import MLP
from lk.paper.controls import Controls
from lk.paper.final_checkpoint import read_final
from lk.paper.stability_study import StabilityStudy
from lk.probes import Optimum, PaperSGD, Probes
from lk.runs import Run
from lk.scores import Score
from lk.storage.describe import describe
from lk.studies.freshness import check_fresh


class Constant(Masker):
    """As users write it: the argument is kept under another name."""

    def __init__(self, value: float) -> None:
        self._value = value

    def fill(self, x, baseline):
        return torch.full_like(x, self._value)


class Shifted(Score):
    def __init__(self, by: float) -> None:
        self._by = by

    def __call__(self, logits, target):
        return super().__call__(logits, target) * (1 + self._by)


class Table(Score):
    """Weights of the classes from a file."""

    def __init__(self, path: str) -> None:
        self._weights = load_file(path)["w"]

    def __call__(self, logits, target):
        return super().__call__(logits * self._weights, target)


class Sparse(Foreground):
    def __init__(self, keep: int) -> None:
        super().__init__(4, 2)
        self._keep = keep

    def divide(self, x, baseline, columns=()):
        owner = super().divide(x, baseline, columns)
        return torch.where(owner >= self._keep, -1, owner)


class Penalised(Optimum):
    def __init__(self, strength: float) -> None:
        super().__init__(l2=1e-4, max_samples=100, tolerance=1e-3)
        self._strength = strength

    def fit(self, network, layers, batches, num_classes):
        return Optimum(l2=self._strength, max_samples=100, tolerance=1e-3).fit(network, layers, batches, num_classes)


@pytest.fixture(scope="module")
def data():
    return Digits(samples_per_class=1)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return frozen(MLP([12, 8], 10, (1, 8, 8)))


def extract(extraction, network, data, folder, step=0):
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").touch()
    run = Run(folder)
    samples = extraction.open(run.extraction("default"), extraction.samples(data))
    probes = (
        fit_probes(extraction.probes, network, network.layers, data) if extraction.score.reads == "logits" else None
    )
    return extract_checkpoint(Checkpoint(run, step, 0.0, network, data, samples, probes), extraction)


FAST = {"probes": Optimum(max_samples=100, tolerance=1e-3), "kappa": 0.1}


@pytest.mark.parametrize(
    ("part", "make"),
    [("masker", Constant), ("score", Shifted), ("players", Sparse), ("probes", Penalised)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_users_private_argument_decides(part, make, network, data, tmp_path):
    a, b = (2, 3) if part == "players" else (0.0, 1.0) if part != "probes" else (1e-3, 1.0)
    settings = {"players": Foreground(3, 2), **FAST}
    first = extract(Extraction(**{**settings, part: make(a)}), network, data, tmp_path / "same")
    with pytest.raises(ValueError, match=rf"expected the settings of the extraction in .*got other {part}"):
        extract(Extraction(**{**settings, part: make(b)}), network, data, tmp_path / "same")
    fresh = extract(Extraction(**{**settings, part: make(b)}), network, data, tmp_path / "fresh")
    assert first.and_.shape != fresh.and_.shape or not torch.equal(first.and_, fresh.and_)
    # Without a result there is nothing to protect: the games that were played are not taken.
    (tmp_path / "same/extractions/default/step=0000000/interactions.safetensors").unlink()
    again = extract(Extraction(**{**settings, part: make(b)}), network, data, tmp_path / "same")
    assert torch.equal(again.and_, fresh.and_)


def test_the_content_of_a_file_decides(network, data, tmp_path):
    filling = tmp_path / "filling.safetensors"
    extraction = Extraction(Foreground(3, 2), masker=Given(str(filling)), **FAST)
    save_file({"x": torch.zeros(1, 8, 8)}, filling)
    extract(extraction, network, data, tmp_path / "same")
    save_file({"x": torch.ones(1, 8, 8)}, filling)
    with pytest.raises(
        ValueError,
        match=r"expected the samples and players of the.*which differ in filler by up to 1\. Choose another name",
    ):
        extract(extraction, network, data, tmp_path / "same")


def test_the_content_of_a_file_of_a_score_decides(network, data, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file({"w": torch.ones(10)}, path)
    first = extract(Extraction(Foreground(3, 2), score=Table(str(path)), **FAST), network, data, tmp_path / "same")
    save_file({"w": torch.linspace(0, 2, 10)}, path)
    with pytest.warns(UserWarning, match=r"step=0000000 was made from other game; it is made again"):
        second = extract(Extraction(Foreground(3, 2), score=Table(str(path)), **FAST), network, data, tmp_path / "same")
    assert not torch.equal(first.and_, second.and_)


@pytest.mark.parametrize("key", ["x", "y", "index", "owner", "filler"])
def test_samples_that_differ_are_refused_and_rounding_is_not(key, network, data, tmp_path):
    extraction = Extraction(Foreground(3, 2), **FAST)
    samples = extraction.samples(data)
    extract(extraction, network, data, tmp_path)
    tensors = {name: getattr(samples, name).clone() for name in ("x", "y", "index", "owner", "filler")}
    tensors[key].view(-1)[5] += 1
    changed = Samples(**tensors, players=samples.players, classes=samples.classes)
    with pytest.raises(ValueError, match=rf"which differ in {key} .*may differ by 1e-06 of their size, not by more"):
        extraction.open(tmp_path / "extractions/default", changed)
    rounded = Samples(
        **{**tensors, key: getattr(samples, key), "x": samples.x * (1 + 1e-7)},
        players=samples.players,
        classes=samples.classes,
    )
    assert not torch.equal(rounded.x, samples.x)
    assert torch.equal(
        extraction.open(tmp_path / "extractions/default", rounded).x, samples.x
    )  # what is stored is played


def test_other_names_are_refused(network, data, tmp_path):
    extraction = Extraction(Foreground(3, 2), **FAST)
    samples = extraction.samples(data)
    extract(extraction, network, data, tmp_path)
    tensors = {name: getattr(samples, name) for name in ("x", "y", "index", "owner", "filler")}
    with pytest.raises(ValueError, match=r"expected the samples and players of the.*which differ in classes"):
        extraction.open(
            tmp_path / "extractions/default", Samples(**tensors, players=samples.players, classes=samples.classes[::-1])
        )


def test_other_weights_are_read_again(network, data, tmp_path):
    extraction = Extraction(Foreground(3, 2), **FAST)
    first = extract(extraction, network, data, tmp_path)
    torch.manual_seed(5)
    other = frozen(MLP([12, 8], 10, (1, 8, 8)))
    with pytest.warns(UserWarning, match="was made from other weights, probes; it is made again"):
        second = extract(extraction, other, data, tmp_path)
    assert not torch.equal(first.and_, second.and_)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(extract(extraction, other, data, tmp_path).and_, second.and_)


def test_results_from_before_digests_are_read(network, data, tmp_path):
    extraction = Extraction(Foreground(3, 2), **FAST)
    found = extract(extraction, network, data, tmp_path)
    place = tmp_path / "extractions/default/step=0000000"
    replace(found, origin=replace(found.origin, made_from=None)).save(place / "interactions.safetensors")
    save_file(load_file(place / "values.safetensors"), place / "values.safetensors")
    torch.manual_seed(5)
    assert torch.equal(extract(extraction, frozen(MLP([12, 8], 10, (1, 8, 8))), data, tmp_path).and_, found.and_)


# ---- a run and its checkpoints
@pytest.fixture
def run(tiny_run, tmp_path):
    return Path(shutil.copytree(tiny_run, tmp_path / "run", ignore=shutil.ignore_patterns("wandb", "figures")))


def replace_checkpoint(run, step=12, by=0.1):
    path = Run(run).checkpoint(step)
    stored = torch.load(path, weights_only=True)
    for value in stored["state_dict"].values():
        value += by * torch.randn_like(value)
    torch.save(stored, path)


def test_a_checkpoint_of_another_training_under_the_same_step(run):
    step = "extractions/default/step=0000012"
    before = {name: (run / step / f"{name}.safetensors").read_bytes() for name in ("values", "interactions")}
    replace_checkpoint(run)
    for command in (["report", str(run)], ["compare", str(run), str(run)]):
        with pytest.raises(
            ValueError,
            match=(
                r"expected .*interactions\.safetensors from the weights .*0000012\.ckpt holds, got .*Make it again: "
            ),
        ):
            analyze(command)
    with pytest.warns(UserWarning, match=r"it is (fitted|made) again"):
        analyze(["extract", str(run), "--report", "false", "--steps", "[12]"])
    assert all((run / step / f"{name}.safetensors").read_bytes() != content for name, content in before.items())
    check_fresh(Run(run))
    made = load_file(run / step / "values.safetensors")["values"]
    shutil.rmtree(run / step)
    analyze(["extract", str(run), "--report", "false", "--steps", "[12]"])
    assert torch.allclose(
        load_file(run / step / "values.safetensors")["values"], made, atol=1e-5
    )  # loaded probes round differently


def test_probes_that_were_fitted_again_are_followed(run):
    path = Run(run).probes(12)
    probes = Probes.load(path)
    layer, linear = next(iter(probes.linears.items()))
    probes.linears[layer] = type(linear)(linear.weight * 2, linear.bias, linear.mean, linear.scale)
    probes.save(path)
    with pytest.warns(UserWarning, match="was made from other probes; it is made again"):
        analyze(["extract", str(run), "--report", "false"])


def test_probes_of_other_weights_or_labels_are_fitted_again(run):
    opened, extraction = Run(run), Extraction(Foreground(4, 2), probes=Optimum(max_samples=400))
    data = opened.data()
    network = opened.network(data)
    opened.load(network, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probe_checkpoint(Checkpoint(opened, 12, 2.0, frozen(network), data), extraction)
    data.train.y.copy_(data.train.y.flip(0))
    with pytest.warns(UserWarning, match="was fitted on another network or other training labels; it is fitted again"):
        probe_checkpoint(Checkpoint(opened, 12, 2.0, frozen(network), data), extraction)


def test_studies_follow_the_network(run):
    """Kept tables, noisy games and controls of a run whose checkpoint is replaced are made again."""
    extraction = Extraction(Foreground(4, 2), probes=Optimum(max_samples=400))
    study, control = StabilityStudy(samples=1, draws=2), Controls(samples=2)

    def look():
        one = read_final(Run(run), extraction)
        return (
            study.measure(one).table["stability"].sum(),
            control.interactions(one, "random labels").and_,
            control.interactions(one, "opposite lean").and_,
        )

    first, again = look(), look()
    assert first[0] == again[0]
    assert all(torch.equal(a, b) for a, b in zip(first[1:], again[1:], strict=True))
    replace_checkpoint(run)
    with pytest.warns(UserWarning, match="made again|fitted again"):
        second = look()
    assert first[0] != second[0]
    assert not any(torch.equal(a, b) for a, b in zip(first[1:], second[1:], strict=True))


def test_studies_with_settings_that_share_a_name(run):
    """`sigma=0.02` is how 0.020000001 is written in a file's name."""
    one = read_final(Run(run), Extraction(Foreground(4, 2), probes=Optimum(max_samples=400)))
    nothing = lambda _: None  # noqa: E731
    games = [
        StabilityStudy(samples=1, draws=2, sigma=sigma).games(one, 0, nothing)["values"] for sigma in (0.02, 0.0200001)
    ]
    assert not torch.equal(*games)
    few = Controls(samples=2)
    made = [
        few.interactions(one, "published probes", PaperSGD(momentum=m, epochs=3, max_samples=50)) for m in (0.9, 0.1)
    ]
    assert made[0].origin.settings["published"] != made[1].origin.settings["published"]
    assert not torch.equal(made[0].and_, made[1].and_)


def test_probe_fit_writes_what_it_was_fitted_on(run):
    probe(["fit", "--run", str(run), "--steps", "[12]"])
    assert set(Probes.load(Run(run).probes(12)).made_from) == {"weights", "labels"}
    assert Probes.load(Run(run).probes(12)).recipe == describe(Optimum(max_samples=400))
