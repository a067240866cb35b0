"""The user's commands: train.py, probe.py, analyze.py, with good and with bad input."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from lk.cli import analyze, main, probe, train
from lk.interactions import Interactions
from lk.runs import Run
from lk.storage.trust import ForeignClassError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tiny_run, tmp_path):
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(tiny_run, tmp_path / "runs" / "tiny"))


def changed(tiny_config, tmp_path, **changes):
    """The tiny configuration with some entries replaced, `a__b` meaning a.b."""
    config = yaml.safe_load(tiny_config.read_text())
    for key, value in changes.items():
        *parents, last = key.split("__")
        place = config
        for parent in parents:
            place = place[int(parent) if parent.isdigit() else parent]
        place[last] = value
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


# ---- what a run leaves behind
def test_a_run_is_one_folder(tiny_run):
    run = Run(tiny_run)
    assert run.id == "tiny"
    assert list(run.checkpoints) == [0, 1, 6, 12]
    assert list(run.extracted("default")) == [0, 1, 6, 12]
    for table in (
        "probes",
        "training",
        "default/games",
        "default/strengths",
        "default/comparisons",
        "default/strongest",
    ):
        assert len(run.read_table(table)), table
    assert run.report.stat().st_size > 100_000
    assert not list(tiny_run.rglob("*.part"))


def test_every_game_is_certified_and_matched(tiny_run):
    games = Run(tiny_run).read_table("default/games")
    assert games["certified"].all()
    assert games["matching_error"].max() < 1e-6
    assert len(games) == 4 * 3 * 10  # checkpoints, layers with the output, samples


def test_the_config_of_a_run_makes_the_run_again(tiny_run, tmp_path):
    train(
        [
            "fit",
            "--config",
            str(tiny_run / "config.yaml"),
            "--id",
            "again",
            "--runs_dir",
            str(tmp_path),
            "--report",
            "false",
        ]
    )
    first, second = (
        Interactions.load(path / "extractions/default/step=0000012/interactions.safetensors")
        for path in (tiny_run, tmp_path / "again")
    )
    assert torch.equal(first.and_, second.and_)


def test_a_run_can_be_moved(run, tmp_path):
    moved = shutil.move(run, tmp_path / "elsewhere")
    analyze(["report", str(moved)])
    assert (tmp_path / "elsewhere" / "report.html").is_file()


# ---- live equals offline
def test_live_equals_offline(tiny_run, run):
    shutil.rmtree(run / "probes")
    shutil.rmtree(run / "extractions")
    probe(["fit", "--run", str(run)])
    analyze(["extract", str(run), "--report", "false"])
    for step in Run(tiny_run).checkpoints:
        live, offline = (
            load_file(r / f"extractions/default/step={step:07d}/values.safetensors")["values"] for r in (tiny_run, run)
        )
        assert (live - offline).abs().max() < 1e-4  # the probes are solved to a gradient norm of 1e-5


def test_extract_with_other_players_stands_beside_the_first(run):
    settings = [
        "--extraction.name",
        "grid",
        "--extraction.players",
        "lk.games.Grid",
        "--extraction.players.patch",
        "4",
        "--steps",
        "[12]",
    ]
    analyze(["extract", str(run), "--report", "false", *settings])
    assert set(Run(run).extractions) == {"default", "grid"}
    assert list(Run(run).extracted("grid")) == [12]
    assert Interactions.load(Run(run).extracted("grid")[12]).n_players == 4


UNIT = """
name: unit
layers: [layer2]
players: {class_path: lk.games.Foreground, init_args: {n: 4, patch: 2}}
score: {class_path: lk.scores.Unit, init_args: {index: 11}}
"""


def test_a_unit_of_a_layer_is_explained_from_yaml(run, tmp_path):
    """Unit 11 of the twelve of `layer2`: more than there are classes, which the output is scored for instead."""
    settings = tmp_path / "unit.yaml"
    settings.write_text(UNIT)
    analyze(["extract", str(run), "--extraction", str(settings), "--steps", "[12]", "--report", "false"])
    found = Interactions.load(Run(run).extracted("unit")[12])
    assert found.layers == ("layer2", "output")
    assert found.certified.all()
    folder = Run(run)
    x = load_file(folder.extraction("unit") / "samples.safetensors")["x"]
    weights = torch.load(folder.checkpoints[12], weights_only=True)["state_dict"]
    hidden = x.flatten(1)
    for layer in ("layer1", "layer2"):
        hidden = torch.relu(hidden @ weights[f"network.{layer}.0.weight"].T + weights[f"network.{layer}.0.bias"])
    values, default = (
        load_file(folder.extraction(name) / "step=0000012/values.safetensors")["values"][-1]
        for name in ("unit", "default")
    )
    assert torch.allclose(values[0], hidden[:, 11], atol=1e-5)
    assert torch.allclose(values[1], default[-1], atol=1e-5)
    with pytest.raises(ValueError, match=r"expected index from 0 to 11 in activations of.*got index=12"):
        analyze(
            [
                "extract",
                str(run),
                "--extraction",
                str(settings),
                "--extraction.name",
                "none",
                "--extraction.score.index",
                "12",
            ]
        )


def test_an_interrupted_extraction_goes_on_where_it_stopped(run):
    done = run / "extractions/default/step=0000000/interactions.safetensors"
    before = done.stat().st_mtime_ns
    shutil.rmtree(run / "extractions/default/step=0000012")
    (run / "extractions/default/step=0000006/interactions.safetensors").unlink()
    analyze(["extract", str(run), "--report", "false"])
    assert list(Run(run).extracted("default")) == [0, 1, 6, 12]
    assert done.stat().st_mtime_ns == before


def test_papers_recipe_through_the_command(run):
    probe(
        [
            "fit",
            "--run",
            str(run),
            "--recipe",
            "lk.probes.PaperSGD",
            "--recipe.epochs",
            "2",
            "--recipe.max_samples",
            "200",
            "--steps",
            "[0,12]",
        ]
    )
    with pytest.raises(ValueError, match="expected probes of the recipe"):
        analyze(
            [
                "extract",
                str(run),
                "--report",
                "false",
                "--extraction.name",
                "other",
                "--extraction.probes",
                "lk.probes.Optimum",
                "--steps",
                "[0]",
            ]
        )
    analyze(["extract", str(run), "--report", "false", "--extraction.name", "other", "--steps", "[0]"])
    assert "PaperSGD" in (run / "extractions/other/settings.yaml").read_text()


def test_compare(tiny_run, tiny_config, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "tiny")
    train(
        [
            "fit",
            "--config",
            str(tiny_config),
            "--seed_everything",
            "4",
            "--runs_dir",
            str(tmp_path),
            "--id",
            "second",
            "--report",
            "false",
        ]
    )
    analyze(["compare", str(tmp_path / "tiny"), str(tmp_path / "second")])
    (report,) = (tmp_path / "comparisons").rglob("report.html")
    assert "tiny" in report.read_text()


# ---- bad input
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--trainer.max_epoch", "1"],
            "expected a key of this command, got 'trainer.max_epoch'. Did you mean 'trainer.max_epochs'?",
        ),
        (
            ["--data.init_args.batchsize", "3"],
            "expected an option of lk.data.Digits, got 'batchsize'. Did you mean 'batch_size'?",
        ),
        (
            ["--model.network.init_args.width", "[3]"],
            "expected an option of lk.networks.MLP, got 'width'. Did you mean 'widths'?",
        ),
        (["--data.class_path", "lk.data.Digit"], "expected a name of lk.data, got 'Digit'. Did you mean 'Digits'?"),
        (["--trainer.max_ep", "1"], "expected a key of this command, got 'trainer.max_ep'"),
    ],
)
def test_unknown_keys_on_the_command_line(tiny_config, words, message, capsys):
    with pytest.raises(SystemExit) as stop:
        train(["fit", "--config", str(tiny_config), *words])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainer__max_epoch": 1}, "Did you mean 'trainer.max_epochs'?"),
        ({"data__init_args__batchsize": 1}, "Did you mean 'batch_size'?"),
        ({"trainer__callbacks__0__init_args__every_n_epoch": 2}, "Did you mean 'every_n_epochs'?"),
        (
            {"trainer__callbacks__1__init_args__extraction__init_args__players__init_args__patches": 2},
            "Did you mean 'patch'?",
        ),
    ],
)
def test_unknown_keys_in_a_yaml(tiny_config, tmp_path, changes, message, capsys):
    with pytest.raises(SystemExit):
        train(["fit", "--config", str(changed(tiny_config, tmp_path, **changes))])
    assert message in capsys.readouterr().err


EXTRACTION = "trainer__callbacks__1__init_args__extraction__init_args__"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {EXTRACTION + "layers": ["layer1", "layr2"]},
            r"expected a layer of the network, got layer='layr2'.*Did you mean 'layer2'",
        ),
        ({EXTRACTION + "players__init_args__n": 17}, r"expected n from 1 to 16, as a grid of 4x4 patches.*got n=17"),
        (
            {EXTRACTION + "kappa": -1},
            r"expected kappa >= 0, gap > 0, 0 <= salience_ratio.*got kappa=-1\.0, gap=0\.001, salience_ratio=0\.05,",
        ),
        (
            {EXTRACTION + "background": "grey"},
            r"expected background in \['original', 'baseline',.*got background='grey'",
        ),
        ({"data__init_args__samples_per_class": 1000}, "fewer of"),
        (
            {"optimizer__init_args__lr": 1e30},
            "expected finite activations, got NaN or infinity of layer 'layer2' on sample 0",
        ),
        (
            {"optimizer__init_args__lr": 1e30, "trainer__callbacks__0__init_args__early": 0},
            "expected a finite training loss, got nan at epoch 0, step 1",
        ),
        ({"trainer__max_epochs": None}, "expected an end of the training, got none"),
        ({"trainer__max_epochs": 10**18}, "expected a schedule of at most 100,000 checkpoints"),
        *(
            []
            if torch.cuda.is_available()
            else [
                (
                    {"trainer__accelerator": "gpu"},
                    "expected settings that the trainer takes, got others: No supported gpu backend",
                )
            ]
        ),
    ],
)
def test_bad_settings_are_refused(tiny_config, tmp_path, changes, message):
    path = changed(tiny_config, tmp_path, **changes)
    with pytest.raises((ValueError, FloatingPointError), match=message.replace("(", r"\(")):
        train(["fit", "--config", str(path), "--runs_dir", str(tmp_path)])


def test_too_many_players_for_memory(tiny_config, tmp_path):
    path = changed(
        tiny_config, tmp_path, **{EXTRACTION + "players": {"class_path": "lk.games.Grid", "init_args": {"patch": 1}}}
    )
    with pytest.raises(
        ValueError,
        match=r"expected at most \d+ players .*got 64, whose 2\^64 coalitions need .*GiB",
    ):
        train(["fit", "--config", str(path), "--runs_dir", str(tmp_path)])


def test_an_existing_run_is_not_overwritten(run, tiny_config):
    before = (run / "config.yaml").read_bytes()
    with pytest.raises(ValueError, match="expected the --id of a new run, got 'tiny', which exists already in"):
        train(["fit", "--config", str(tiny_config), "--runs_dir", str(run.parent), "--id", "tiny"])
    assert (run / "config.yaml").read_bytes() == before


def test_a_missing_data_folder(tiny_config, tmp_path):
    data = {"class_path": "lk.data.MNIST", "init_args": {"data_dir": str(tmp_path / "none")}}
    with pytest.raises(FileNotFoundError, match=r"expected the four IDX files in.*got no MNIST there"):
        train(["fit", "--config", str(changed(tiny_config, tmp_path, data=data)), "--runs_dir", str(tmp_path)])


def test_a_network_with_another_number_of_classes(tiny_config, tmp_path, own_module):
    network = {
        "class_path": "lk.networks.Wrapped",
        "init_args": {"module": {"class_path": f"{own_module}.Own", "init_args": {"outputs": 7}}, "layers": ["body"]},
    }
    with pytest.raises(
        ValueError,
        match=r"expected logits of shape \(batch, 10\), as digits has 10 classes.*got \(7,\) outputs per sample",
    ):
        train(
            [
                "fit",
                "--config",
                str(changed(tiny_config, tmp_path, model__network=network)),
                "--runs_dir",
                str(tmp_path),
            ]
        )


def test_a_foreign_class_needs_trust(tiny_config, tmp_path, own_module):
    network = {
        "class_path": "lk.networks.Wrapped",
        "init_args": {"module": {"class_path": f"{own_module}.Own"}, "layers": ["body"]},
    }
    train(
        [
            "fit",
            "--config",
            str(changed(tiny_config, tmp_path, model__network=network)),
            "--runs_dir",
            str(tmp_path),
            "--id",
            "own",
            "--report",
            "false",
        ]
    )
    with pytest.raises(
        ForeignClassError, match=r"expected a class of lk or torchvision in the.*got 'own_network\.Own'.*--trust true"
    ):
        probe(["fit", "--run", str(tmp_path / "own")])
    probe(["fit", "--run", str(tmp_path / "own"), "--trust", "true", "--steps", "[0]"])


def test_a_truncated_checkpoint(run):
    path = Run(run).checkpoint(6)
    path.write_bytes(path.read_bytes()[:1000])
    shutil.rmtree(run / "extractions")
    with pytest.raises(ValueError, match="is truncated or no checkpoint"):
        analyze(["extract", str(run), "--report", "false"])
    assert list(Run(run).extracted("default")) == [0, 1]  # what was finished stays


def test_a_truncated_interactions_file(run):
    path = Run(run).extracted("default")[6]
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="is truncated or holds no interactions"):
        analyze(["report", str(run)])


def test_no_run_there(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"expected a folder with config\.yaml, as train\.py writes it, got '.*nothing'"
    ):
        analyze(["report", str(tmp_path / "nothing")])


def test_an_unknown_step(run):
    with pytest.raises(ValueError, match=r"expected steps of checkpoints of run tiny, got step 5.*Known: 0, 1, 6, 12"):
        analyze(["extract", str(run), "--report", "false", "--steps", "[5]"])


def test_errors_are_one_line_for_a_person(capsys):
    def fail():
        raise ValueError("Given 3; expected 2.")

    with pytest.raises(SystemExit) as stop:
        main(fail)
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: Given 3; expected 2.\n"


def test_help_of_every_script(capsys):
    for script, word in (("train.py", "fit"), ("probe.py", "fit"), ("analyze.py", "extract")):
        with pytest.raises(SystemExit) as stop:
            {"train.py": train, "probe.py": probe, "analyze.py": analyze}[script]([word, "--help"])
        assert stop.value.code == 0
        assert "run" in capsys.readouterr().out
        assert len((ROOT / script).read_text().splitlines()) <= 15
