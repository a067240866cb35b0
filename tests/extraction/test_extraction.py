import pytest
import torch
import yaml
from safetensors.torch import load_file

import lk.extraction
import lk.storage.stored
from lk.data import Digits
from lk.extraction import Checkpoint, Extraction, Samples, games
from lk.extraction.probing import fit_probes
from lk.extraction.samples import check_memory
from lk.games import Columns, Foreground, Grid
from lk.games.maskers import Zero
from lk.interactions import Interactions
from lk.layers import frozen
from lk.networks import MLP, LeNet
from lk.probes import Optimum, PaperSGD
from lk.runs import Run
from lk.scores import Logit, OfActivation, PredictedClass


@pytest.fixture(scope="module")
def data():
    return Digits(samples_per_class=1)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return frozen(MLP([12, 8], 10, (1, 8, 8)))


@pytest.fixture(scope="module")
def probes(network, data):
    return fit_probes(Optimum(max_samples=200, tolerance=1e-4), network, network.layers, data)


def few(samples, count=2):
    rows = {key: getattr(samples, key)[:count] for key in ("x", "y", "index", "owner", "filler")}
    return Samples(**rows, players=samples.players, classes=samples.classes)


@pytest.fixture
def extraction():
    return Extraction(Foreground(4, 2), batch_size=6)


@pytest.fixture
def samples(extraction, data):
    return few(extraction.samples(data))


@pytest.fixture
def folder(tmp_path):
    """Where the default extraction of a run in `tmp_path` lies."""
    return run_at(tmp_path).extraction("default")


def run_at(path):
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.yaml").touch()
    return Run(path)


def extract(extraction, network, probes, samples, run, step=0, epoch=0.0, done=lambda _: None):
    return games.extract(Checkpoint(run_at(run), step, epoch, network, None, samples, probes), extraction, done)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# ---- the work
def test_run_writes_what_it_returns(extraction, samples, network, probes, folder, tmp_path):
    extraction.open(folder, samples)
    told = []
    found = extract(extraction, network, probes, samples, tmp_path, step=40, epoch=1.5, done=told.append)
    step = folder / "step=0000040"
    assert names(folder) == [
        "samples.safetensors",
        "samples.yaml",
        "settings.yaml",
        "step=0000040/interactions.safetensors",
        "step=0000040/values.safetensors",
    ]
    assert found.layers == ("layer1", "layer2", "output")
    assert found.and_.shape == (16, 3, 2)
    assert sum(told) == 2 * 16
    assert (found.step, found.epoch, found.kappa) == (40, 1.5, 0.04)
    assert found.labels.tolist() == samples.y.tolist()
    assert found.samples.tolist() == samples.index.tolist()
    assert found.correct.tolist() == (network(samples.x).argmax(1) == samples.y).tolist()
    values = load_file(step / "values.safetensors")["values"]
    assert torch.allclose(found.values + found.delta, values, atol=1e-4)
    stored = Interactions.load(step / "interactions.safetensors")
    assert torch.equal(stored.and_, found.and_)
    assert stored.origin == found.origin
    # The second time it is read: no forward pass.
    again = extract(extraction, network, probes, samples, tmp_path, step=40, epoch=1.5, done=told.append)
    assert torch.equal(again.or_, found.or_)
    assert sum(told) == 2 * 16


class Stop(Exception):
    pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, Stop])
def test_interrupted_extraction_leaves_no_half_written_file_and_goes_on(
    extraction, samples, network, probes, folder, tmp_path, error
):
    passed = []

    def stop_in_the_third_checkpoint(count):
        passed.append(count)
        if sum(passed) == 2 * 32 + 12:
            raise error

    def extract_all(done):
        extraction.open(folder, samples)
        return [extract(extraction, network, probes, samples, tmp_path, step, step / 10, done) for step in (0, 10, 20)]

    with pytest.raises(error):
        extract_all(stop_in_the_third_checkpoint)
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    assert [name for name in before if name.startswith("step")] == [
        f"step=00000{step}/{what}.safetensors" for step in ("00", "10") for what in ("interactions", "values")
    ]
    passed.clear()
    found = extract_all(passed.append)
    assert sum(passed) == 32  # only the third checkpoint was played
    assert [interactions.step for interactions in found] == [0, 10, 20]
    assert all((folder / name).read_bytes() == content for name, content in before.items())


@pytest.mark.parametrize(
    ("file", "left"),
    [("values", []), ("interactions", ["step=0000000/values.safetensors"])],
)
def test_interrupted_while_writing(extraction, samples, network, probes, folder, tmp_path, monkeypatch, file, left):
    """The disk is full after half of a file: it is not there afterwards, and the next start makes it."""
    write = lk.storage.stored.save_file

    def half(tensors, path, *more):
        if file not in path.name:
            return write(tensors, path, *more)
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(lk.storage.stored, "save_file", half)
        with pytest.raises(OSError, match="no space left"):
            extract(extraction, network, probes, samples, tmp_path, 0, 0.0)
    assert names(folder) == left
    extract(extraction, network, probes, samples, tmp_path, 0, 0.0)
    assert names(folder) == ["step=0000000/interactions.safetensors", "step=0000000/values.safetensors"]


def test_stopped_while_decomposing_does_not_play_again(
    extraction, samples, network, probes, folder, tmp_path, monkeypatch
):
    extraction.open(folder, samples)
    with monkeypatch.context() as patched:
        patched.setattr(games, "interactions_of", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            extract(extraction, network, probes, samples, tmp_path, 0, 0.0)
    extraction.open(folder, samples)
    told = []
    found = extract(extraction, network, probes, samples, tmp_path, 0, 0.0, told.append)
    assert told == []
    assert found.origin.seconds["play"] > 0
    anew = extract(extraction, network, probes, samples, tmp_path / "anew", 0, 0.0)
    assert torch.equal(found.and_, anew.and_)
    assert found.correct.tolist() == anew.correct.tolist()


def test_games_of_other_settings_are_not_decomposed(extraction, samples, network, probes, folder, tmp_path):
    extraction.open(folder, samples)
    extract(extraction, network, probes, samples, tmp_path, 0, 0.0)
    (folder / "step=0000000/interactions.safetensors").unlink()
    other, told = Extraction(Foreground(4, 2), score=Logit()), []
    other.open(folder, samples)
    played = extract(other, network, probes, samples, tmp_path, 0, 0.0, told.append)
    assert sum(told) == 2 * 16
    assert torch.equal(played.and_, extract(other, network, probes, samples, tmp_path / "fresh", 0, 0.0).and_)
    (folder / "step=0000000/interactions.safetensors").unlink()
    other.open(folder, few(samples, 1))
    assert extract(other, network, probes, few(samples, 1), tmp_path, 0, 0.0, told.append).and_.shape[2] == 1
    assert sum(told) == 3 * 16


def test_the_same_from_scratch_is_the_same_bit_for_bit(extraction, samples, network, probes, tmp_path):
    first, second = (extract(extraction, network, probes, samples, tmp_path / name, 0, 0.0) for name in ("a", "b"))
    for key in ("and_", "or_", "delta", "objective", "lower_bound"):
        assert torch.equal(getattr(first, key), getattr(second, key))


def total(activation, _):
    return activation.flatten(1).sum(1)


def test_score_of_activations_needs_no_probes(samples, network, tmp_path):
    extraction = Extraction(Foreground(4, 2), score=OfActivation(total))
    assert extract(extraction, network, None, samples, tmp_path, 0, 0.0).certified.all()


def test_table_players_keep_their_names(tmp_path):
    data = lk.data.BreastCancer(samples_per_class=1)
    extraction = Extraction(
        Columns([["mean radius", "mean area"], ["worst texture"], [29]]), masker=Zero(), score=PredictedClass()
    )
    samples = extraction.samples(data)
    assert samples.players == ("mean radius+mean area", "worst texture", "worst fractal dimension")
    assert samples.classes == ("benign", "malignant")
    network = frozen(MLP([5], 2, (30,)))
    found = extract(
        extraction, network, fit_probes(extraction.probes, network, ["layer1"], data), samples, tmp_path, 0, 0.0
    )
    assert found.players == samples.players


# ---- samples
def test_samples_are_those_of_the_data_divided_and_filled(extraction, data):
    samples = extraction.samples(data)
    x, y, index = data.explained_samples()
    assert torch.equal(samples.x, x)
    assert torch.equal(samples.y, y)
    assert torch.equal(samples.index, index)
    assert torch.equal(samples.owner, Foreground(4, 2).divide(x, data.baseline))
    assert torch.equal(samples.filler[3], data.baseline)
    assert samples.classes == tuple("0123456789")


def test_samples_are_saved_and_loaded_equal(samples, folder):
    samples.save(folder / "samples.safetensors")
    loaded = Samples.load(folder / "samples.safetensors")
    for key in ("x", "y", "index", "owner", "filler"):
        assert torch.equal(getattr(loaded, key), getattr(samples, key))
    assert (loaded.players, loaded.classes) == (samples.players, samples.classes)


def test_truncated_samples(samples, folder):
    path = folder / "samples.safetensors"
    samples.save(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        ValueError,
        match=r"samples.safetensors is truncated or holds no samples .*Delete the folder .* and extract again",
    ):
        Samples.load(path)


# ---- settings of an earlier start
def test_the_same_settings_are_opened_again(extraction, samples, folder):
    extraction.open(folder, samples)
    Extraction(Foreground(4, 2), batch_size=99).open(folder, samples)
    assert yaml.safe_load((folder / "settings.yaml").read_text())["batch_size"] == 99


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"players": Foreground(3, 2)}, "players"),
        ({"kappa": 0.1}, "kappa"),
        ({"salience_ratio": 0.1}, "salience_ratio"),
        ({"masker": Zero()}, "masker"),
        ({"score": Logit(), "background": "baseline"}, "background, score"),
        ({"probes": PaperSGD()}, "probes"),
        ({"layers": ["layer1"]}, "layers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_settings_are_refused(extraction, samples, folder, change, named):
    extraction.open(folder, samples)
    (folder / "step=0000000").mkdir()
    (folder / "step=0000000" / "interactions.safetensors").touch()  # without a result there is nothing to protect
    before = (folder / "settings.yaml").read_text()
    with pytest.raises(
        ValueError, match=rf"expected the settings of the extraction in .*, got other {named}. Choose another name"
    ):
        Extraction(**{"players": Foreground(4, 2), **change}).open(folder, samples)
    assert (folder / "settings.yaml").read_text() == before


def test_other_samples_are_refused(extraction, samples, folder, data):
    extraction.open(folder, samples)
    (folder / "step=0000000").mkdir()
    (folder / "step=0000000" / "interactions.safetensors").touch()
    with pytest.raises(
        ValueError,
        match=r"expected the samples and players .*got test samples \[150, 44, 234\], which differ in x.*Choose",
    ):
        extraction.open(folder, few(extraction.samples(data), 3))


def test_start_that_was_stopped_between_its_two_files_of_samples(extraction, samples, folder):
    extraction.open(folder, samples)
    (folder / "samples.safetensors").unlink()  # the tensors come last
    extraction.open(folder, samples)
    assert Samples.load(folder / "samples.safetensors").difference(samples) == ""


# ---- errors
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"kappa": -0.1},
            r"expected kappa >= 0, gap > 0, 0 <= salience_ratio.*got kappa=-0\.1, gap=0\.001, salience_ratio=0\.05,",
        ),
        ({"gap": 0}, "gap=0"),
        (
            {"salience_ratio": 1},
            r"expected kappa >= 0, gap > 0, 0 <= salience_ratio < 1.*got kappa=0\.04, gap=0\.001, salience_ratio=1,",
        ),
        ({"batch_size": 0}, "batch_size=0"),
        ({"name": "a/b"}, r"expected letters, digits, '-', '_' and '\.', got name='a/b'"),
        ({"name": ""}, "name=''"),
        ({"name": "..", "kappa": 0}, r"name='\.\.'"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Extraction(Grid(2), **settings)


def test_layers_are_checked_against_the_network(network):
    assert Extraction(Grid(2)).layers_of(network) == ["layer1", "layer2"]
    assert Extraction(Grid(2), layers=["layer2.0"]).layers_of(network) == ["layer2.0"]
    with pytest.raises(
        ValueError, match=r"expected a layer of the network, got layer='layr2'.*Did you mean 'layer2'\?"
    ):
        Extraction(Grid(2), layers=["layr2"]).layers_of(network)
    with pytest.raises(ValueError, match=r"expected layers to read, got none of Linear. Set `layers`"):
        Extraction(Grid(2)).layers_of(torch.nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"without 'output', which is always read, got .*Leave out \['output'\]"):
        Extraction(Grid(2), layers=["layer1", "output"]).layers_of(network)
    with pytest.raises(ValueError, match=r"expected each layer once .*Leave out \['layer1'\]"):
        Extraction(Grid(2), layers=["layer1", "layer1"]).layers_of(network)


@pytest.mark.parametrize(("n", "figure"), [(30, "1,920.0 GiB"), (64, r"2\^45 GiB"), (1500, r"2\^1481 GiB")])
def test_more_players_than_memory_says_how_much_and_what_fits(monkeypatch, n, figure):
    monkeypatch.setattr(lk.extraction.samples, "available_memory", lambda: 16 * 2**30)
    with pytest.raises(
        ValueError, match=rf"8 layers in 16.0 GiB of free memory, got {n}, whose 2\^{n} coalitions need about {figure}"
    ):
        check_memory(n, samples=10, layers=8)
    with pytest.raises(ValueError, match=r"expected at most 23 players .*Choose larger patches or fewer players"):
        check_memory(n, samples=10, layers=8)
    check_memory(23, samples=10, layers=8)
    with pytest.raises(ValueError, match="expected at most 23"):
        check_memory(24, samples=10, layers=8)


def test_too_many_players_are_refused_before_any_work(data):
    with pytest.raises(
        ValueError,
        match=r"expected at most \d+ players for 10 samples .*got 64, whose 2\^64 coalitions need",
    ):
        Extraction(Grid(1)).samples(data)


def test_available_memory_is_a_plausible_figure():
    assert 2**26 < lk.storage.files.available_memory() < 2**50


# ---- a frozen copy, and probes of a data set
def test_frozen_is_a_copy_in_evaluation_mode_without_gradients():
    network = LeNet(3, (1, 12, 12)).train()
    frozen_copy = frozen(network)
    assert network.training
    assert not frozen_copy.training
    assert next(network.parameters()).requires_grad
    assert not next(frozen_copy.parameters()).requires_grad
    with torch.no_grad():
        next(network.parameters()).zero_()
    assert next(frozen_copy.parameters()).any()


def test_fit_probes_uses_a_seeded_part_of_the_training_split_and_keeps_its_recipe(network, data):
    recipe = Optimum(max_samples=50, tolerance=1e-3)
    torch.manual_seed(4)
    first = fit_probes(recipe, network, ["layer2"], data)
    drawn = torch.rand(1)
    torch.manual_seed(4)
    assert torch.equal(drawn, torch.rand(1))  # watching draws nothing from the global stream
    assert first.recipe["class_path"] == "lk.probes.optimum.Optimum"
    assert first.recipe["init_args"]["max_samples"] == 50
    again, other = (
        fit_probes(Optimum(max_samples=50, tolerance=1e-3, seed=s), network, ["layer2"], data) for s in (0, 1)
    )
    assert torch.equal(first.linears["layer2"].weight, again.linears["layer2"].weight)
    assert not torch.equal(first.linears["layer2"].mean, other.linears["layer2"].mean)
