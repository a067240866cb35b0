"""The forecast covers probes, passes and decomposition, and the disk guard refuses before the work."""

import re
import shutil
from itertools import pairwise
from types import SimpleNamespace

import pytest

import lk.extraction.extraction
import lk.extraction.forecast
from lk.callbacks import ExtractInteractions, SaveCheckpoints
from lk.cli import analyze, train
from lk.data import Digits
from lk.extraction import Checkpoint, Extraction
from lk.extraction.forecast import GAME_COST, Forecast, bytes_on_disk, check_disk, forecast, game_time, seconds
from lk.games import Foreground
from lk.networks import MLP
from lk.runs import Run


@pytest.fixture
def disk(monkeypatch):
    """Sets how many bytes the disk says are free; everything else is real."""

    def free(count):
        monkeypatch.setattr(
            lk.extraction.forecast.shutil, "disk_usage", lambda _: SimpleNamespace(free=count, total=count, used=0)
        )

    return free


def test_seconds_of_work_are_never_zero_minutes():
    text = Forecast(3.0, 0.2, 8.4).text(8)
    assert (
        text
        == "about 12 s (probes 3 s, forward passes less than a second, decomposition 8 s), give or take a factor of 2"
    )
    assert "min" not in text
    assert "probes" not in Forecast(0.0, 1.0, 1.0).text(8)  # already fitted, or a score of raw activations
    assert Forecast(0.0, 60.0, 9000.0).text(12).startswith("about 2.5 h (")
    assert "a factor of 10" in Forecast(0.0, 60.0, 9000.0).text(12)


def test_what_remains_is_told_from_a_timed_checkpoint():
    text = Forecast(1.0, 0.5, 2.0, 1.5).of_rest("default", 0, 10)
    assert text == (
        "Extraction 'default': the checkpoint of step 0 took 5 s; 10 more like it take about 50 s (probes 10 s, "
        "forward passes 5 s, decomposition 20 s, tables and pictures 15 s)."
    )


def test_the_timed_checkpoint_tells_what_the_others_take(tiny_config, tmp_path, capsys):
    """Probes, decomposition, tables and logger are counted: within a factor of 4, on a busy machine too."""
    config = tmp_path / "six.yaml"
    config.write_text(tiny_config.read_text().replace("n: 4", "n: 6").replace("max_epochs: 2", "max_epochs: 1"))
    cli = train(["fit", "--config", str(config), "--runs_dir", str(tmp_path), "--id", "timed", "--report", "false"])
    schedule, extract = (
        next(c for c in cli.trainer.callbacks if isinstance(c, kind)) for kind in (SaveCheckpoints, ExtractInteractions)
    )
    said = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert len(re.findall(r"the checkpoint of step 0 took .*; 2 more like it take about", said)) == 1
    took = sum(seconds for step, seconds in schedule.budget.costs.items() if step > 0)
    assert 1 / 4 < 2 * sum(extract.timed) / took < 4
    assert extract.timed.show > 0.05 * sum(extract.timed)  # W&B's picture and tables
    assert schedule.budget.watched > took


def test_cost_of_a_game_grows_with_its_players():
    times = [game_time(n) for n in (4, 8, 10, 12, 14)]
    assert all(late > 2 * early for early, late in pairwise(times))
    assert GAME_COST[12] / GAME_COST[8] > 100


def test_each_part_is_timed():
    data, network = Digits(), MLP([16, 12], num_classes=10, input_shape=(1, 8, 8))
    extraction = Extraction(Foreground(n=8, patch=2))
    few = seconds(Checkpoint(None, 0, 0.0, network, data, extraction.samples(data)), extraction)
    assert few.probes > 0.01
    assert few.play > 0
    # About 4 ms a game on one core at 8 players; 20 samples of 3 layers here.
    assert 0.05 < few.decompose < 30


def test_the_forecast_of_a_run_counts_what_is_left(tiny_run, tmp_path):
    run = Run(shutil.copytree(tiny_run, tmp_path / "tiny"))
    data, steps = run.data(), list(run.checkpoints)
    network = run.network(data)
    extraction = Extraction(Foreground(n=4, patch=2))
    checkpoint = Checkpoint(run, 12, 2.0, network, data, extraction.samples(data))
    assert forecast(checkpoint, extraction, steps) == "Extraction 'default': all 4 checkpoints are stored already."
    (run.path / "extractions" / "default" / "step=0000006" / "interactions.safetensors").unlink()
    text = forecast(checkpoint, extraction, steps)
    assert "1 checkpoint x 10 samples x 2^4 coalitions = 160 masked samples through 3 layers" in text
    assert "probes" not in text  # they are stored
    run.probes(6).unlink()
    assert "probes" in forecast(checkpoint, extraction, steps)
    assert text.endswith("; 8 kB on disk.")


@pytest.mark.slow
@pytest.mark.parametrize(("n", "most"), [(8, 2.5), (10, 2.5)])
def test_the_forecast_is_met(tiny_run, tmp_path, n, most):
    """Within a factor of about 2 on an idle machine, for games of 8 and 10 players."""
    run = Run(shutil.copytree(tiny_run, tmp_path / "tiny"))
    data = run.data()
    network = run.network(data)
    run.load(network, 12)
    extraction = Extraction(Foreground(n=n, patch=2), name="other")
    expected = seconds(Checkpoint(run, 12, 2.0, network, data, extraction.samples(data)), extraction)
    players = f"{{class_path: lk.games.Foreground, init_args: {{n: {n}, patch: 2}}}}"
    analyze(
        [
            "extract",
            str(run.path),
            "--extraction.name",
            "other",
            "--extraction.players",
            players,
            "--steps",
            "[12]",
            "--report",
            "false",
        ]
    )
    from lk.interactions import Interactions

    took = sum(Interactions.load(run.extracted("other")[12]).origin.seconds.values())
    assert 1 / most < (expected.play + expected.decompose) / took < most


# ---- disk
def test_files_that_do_not_fit_are_refused_with_the_figure(tmp_path, disk):
    needed = bytes_on_disk(10, 5, 20, 6)
    assert needed == 2**10 * 5 * 20 * 6 * 16
    disk(1.11 * needed)
    check_disk(tmp_path / "runs" / "not-yet", 10, 5, 20, 6)
    disk(1.09 * needed)
    with pytest.raises(
        ValueError, match=r"expected 10\.8 MB of free disk space in .*, got 10\.7 MB\. Choose fewer players, samples"
    ):
        check_disk(tmp_path / "runs" / "not-yet", 10, 5, 20, 6)


def test_the_figure_of_the_disk_is_that_of_the_files(tiny_run):
    run = Run(tiny_run)
    stored = sum(path.stat().st_size for path in run.extraction("default").glob("step=*/*.safetensors"))
    # Headers, logits and objectives come on top; with real numbers of players they vanish.
    assert bytes_on_disk(4, 3, 10, 4) <= stored < 2 * bytes_on_disk(4, 3, 10, 4) + 4 * 8192


def test_training_is_refused_before_its_first_checkpoint(tiny_config, tmp_path, disk):
    disk(1000)
    with pytest.raises(
        ValueError,
        match=r"expected 34 kB of free disk space in .* \(2\^4 coalitions x 3 layers x 10 samples x 4 checkpoints",
    ):
        train(["fit", "--config", str(tiny_config), "--runs_dir", str(tmp_path), "--id", "full"])
    assert Run(tmp_path / "full").checkpoints == {}  # so that the same id can start once there is room
    disk(10**9)
    train(["fit", "--config", str(tiny_config), "--runs_dir", str(tmp_path), "--id", "full", "--report", "false"])


def test_an_extraction_afterwards_is_refused_before_it_writes(tiny_run, tmp_path, disk):
    run = Run(shutil.copytree(tiny_run, tmp_path / "tiny"))
    disk(1000)
    with pytest.raises(ValueError, match="of free disk space"):
        analyze(["extract", str(run.path), "--extraction.name", "other"])
    assert not run.extraction("other").exists()
    analyze(["extract", str(run.path), "--report", "false"])  # stored already: nothing is needed


def test_memory_counts_the_layers_there_are(tiny_run, tmp_path, monkeypatch):
    run = Run(shutil.copytree(tiny_run, tmp_path / "tiny"))
    # Room for 3 layers (two and the output) of 10 samples at 4 players, not for the 8 that were once assumed.
    monkeypatch.setattr("lk.extraction.samples.available_memory", lambda: 2**4 * 10 * 3 * 4 * 6)
    analyze(["extract", str(run.path), "--extraction.name", "other", "--report", "false"])
    monkeypatch.setattr("lk.extraction.samples.available_memory", lambda: 2**4 * 10 * 3 * 4 * 6 - 1)
    with pytest.raises(
        ValueError,
        match=r"expected at most 3 players for 10 samples and 3.*got 4, whose 2\^4 coalitions need about 0\.0 GiB",
    ):
        analyze(["extract", str(run.path), "--extraction.name", "again", "--report", "false"])


def test_the_forecast_is_said_by_the_command(tiny_run, tmp_path, capsys):
    run = Run(shutil.copytree(tiny_run, tmp_path / "tiny"))
    analyze(["extract", str(run.path), "--extraction.name", "other", "--steps", "[12]", "--report", "false"])
    said = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert re.search(
        r"1 checkpoint x 10 samples x 2\^4 coalitions = 160 masked samples through 3 layers; about (\d+ s|less than a "
        r"second) \(",
        said,
    )
    assert "0.0" not in said
