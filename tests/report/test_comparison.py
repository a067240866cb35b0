"""The page that compares runs: the answer first, each file read once, groups, flags, one sample side by side."""

import re

import pandas as pd
import pytest

from lk.cli import analyze
from lk.interactions import Interactions
from lk.report import comparison
from lk.report.comparison import STAGES, folder_of, write_comparison
from lk.runs import Run
from tests.helpers.run_folders import write_run

NETWORKS = ("MLP", "VGG11", "LeNet")


def seeded(tmp_path, seeds=3, **settings):
    """Runs of three architectures; those of LeNet end early where told so."""
    return [
        write_run(
            tmp_path / "runs" / f"{name}-{s}",
            seed=7 * s + len(name),
            training_seed=s,
            network=f"lk.networks.{name}",
            samples=8,
            **settings,
        )
        for name in NETWORKS
        for s in range(seeds)
    ]


def titles(text):
    return re.findall(r"<h2 id=[^>]*>([^<]*)</h2>", text)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of nine runs, three of which end early."""
    root = tmp_path_factory.mktemp("page")
    runs = seeded(root)
    for s in range(3):
        early = root / "runs" / f"AlexNet-{s}"
        runs.append(
            write_run(
                early,
                seed=s,
                training_seed=s,
                network="lk.networks.AlexNet",
                samples=8,
                steps={0: 0.0, 2: 0.25, 9: 1.0},
            )
        )
    return write_comparison(runs)


def test_the_answer_comes_first(page):
    text = page.read_text()
    box = text[text.index('<div class="answers">') : text.index("</ul></div>")]
    answers = re.findall(r"<li>(.*?)</li>", box, re.DOTALL)
    assert [answer.split(":")[0] for answer in answers[:3]] == ["What", "Where", "When"]
    assert len(answers) <= 6
    assert titles(text)[:3] == [
        "Which architecture learns what, where and when",
        "The same sample in each network",
        "How they were trained",
    ]
    # The first figure stands before any table.
    assert text.index('<figure id="what-where-when"') < text.index("<table")


def test_figures_have_one_line_per_architecture(page):
    text = page.read_text()
    first = text[text.index('<figure id="what-where-when"') : text.index("</figure>")]
    legend = re.findall(r"<li>.*?</svg>([^<]*)</li>", first)
    assert legend == ["MLP", "VGG11", "LeNet", "AlexNet ‡"]
    assert len(re.findall(r'class="band r0"', first)) == 3  # a panel each
    assert "seed 1" not in first


def test_unequal_training_is_flagged(page):
    text = page.read_text()
    assert "‡ Unequal training: AlexNet: 1 epochs (the longest training: 2)" in re.sub("<[^>]*>", "", text)


def test_one_sample_is_shown_in_every_architecture(page):
    text = page.read_text()
    figure = text[text.index('<figure id="sample-most-different"') :]
    figure = figure[: figure.index("</figure>")]
    for name in (*NETWORKS, "AlexNet"):
        assert re.search(rf'class="title">{name}</text><text[^>]*>seed 0</text>', figure)


def test_tables_hold_lines_and_runs(page):
    tables = {file.stem: pd.read_parquet(file) for file in (page.parent / "tables").glob("*.parquet")}
    assert set(tables) == {"layers", "orders", "iou", "iou_by_sort", "steps", "sentences", "training", "probes"}
    assert set(tables["layers"]["run"]) >= {"", "MLP seed 0"}
    assert (tables["sentences"]["level"] == "architectures").all()


def test_two_runs_stay_two_runs(tmp_path):
    runs = [write_run(tmp_path / "runs" / name, seed=seed, wrong=(0,)) for seed, name in enumerate(("left", "right"))]
    path = write_comparison(runs)
    assert path == tmp_path / "runs" / "comparisons" / "left-vs-right" / "report.html"
    text = re.sub(r"<[^>]*>", "", path.read_text())
    assert "the 5 samples that all 2 finished networks classify correctly, of 6 that all explain" in text
    assert "Which network learns what, where and when" in text
    assert "MLP seed 0 (left)" in text
    tables = {file.stem: pd.read_parquet(file) for file in (path.parent / "tables").glob("*.parquet")}
    assert set(tables) == {"layers", "orders", "iou", "steps", "sentences", "training", "probes"}
    assert (tables["sentences"]["n"] == 5).all()


def test_one_folder_name_twice(tmp_path):
    runs = [write_run(tmp_path / part / "digits", seed=seed) for seed, part in enumerate("ab")]
    path = write_comparison(runs)
    assert path.parent.name == "a-digits-vs-b-digits"
    text = path.read_text()
    assert "MLP seed 0 (a/digits)" in text
    assert "MLP seed 0 (b/digits)" in text
    assert pd.read_parquet(path.parent / "tables" / "layers.parquet")["run"].nunique() == 2


def test_stability_and_a_run_without_training(tmp_path):
    runs = [write_run(tmp_path / "runs" / f"r{seed}", seed=seed) for seed in range(2)]
    for run in runs:
        games = run.read_table("default/games")
        rows = [
            (20, "output", place, kind, order, sample, 5.0 / order)
            for place in ("intermediate layer", "output")
            for kind in ("and", "or")
            for order in (1, 2, 3)
            for sample in games["sample"].unique()
        ]
        columns = ["step", "layer", "place", "kind", "order", "sample", "stability"]
        run.write_table("default/stability", pd.DataFrame(rows, columns=columns))
    runs[0].table("training").unlink()
    text = re.sub(r"<[^>]*>", "", write_comparison(runs).read_text())
    assert "How stable the interactions are" in text
    assert "MLP seed 0 (r0): half of the targets are there by relative depth" in text
    assert "90.0\N{NO-BREAK SPACE}% (50 samples)" in text


def test_every_file_of_a_run_is_read_once(tmp_path, monkeypatch):
    """Two tables, and the interactions of each checkpoint; those of the last once more, to choose the samples."""
    runs, tables, loaded = seeded(tmp_path), [], []
    read, load = Run.read_table, Interactions.load.__func__
    monkeypatch.setattr(Run, "read_table", lambda run, name: tables.append((run.id, name)) or read(run, name))
    monkeypatch.setattr(Interactions, "load", classmethod(lambda cls, path: loaded.append(path) or load(cls, path)))
    write_comparison(runs)
    assert sorted(tables) == sorted(
        {(run.id, name) for run in runs for name in ("default/games", "probes", "training")}
    )
    assert len(loaded) == len(runs) * (3 + 1)
    assert max(map(loaded.count, loaded)) == 2


def test_the_bar_reaches_its_end(tmp_path):
    runs, steps = seeded(tmp_path, 1), []
    write_comparison(runs, done=lambda: steps.append(1))
    assert len(steps) == len(runs) + STAGES


def test_the_command_shows_a_bar_and_names_the_page(tmp_path, capsys):
    runs = seeded(tmp_path, 1)
    analyze(["compare", *(str(run.path) for run in runs)])
    said = "".join(capsys.readouterr())
    assert "comparing 3 runs" in said
    assert "100 %" in said
    assert "report.html" in "".join(said.split())


def test_long_ids_make_no_long_names(tmp_path):
    runs = [write_run(tmp_path / f"{'long' * 10}-{i}", steps={0: 0.0}) for i in range(3)]
    assert folder_of(runs).name.startswith("3-runs-")
    assert folder_of(runs[:2]).name == "-vs-".join(run.id for run in runs[:2])


def test_many_marked_runs_are_not_all_listed(tmp_path):
    runs = [write_run(tmp_path / f"r{i}", seed=i, at_chance=("second",)) for i in range(5)]
    text = comparison.on_marks(comparison.align(runs))
    assert text.startswith("Marked †: MLP seed 0 (r0) (second); ")
    assert " and 2 more runs. " in text
