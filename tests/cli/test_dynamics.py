"""`analyze.py dynamics`: the user's own door, on stored runs."""

import pandas as pd
import pytest

from lk.cli import analyze
from lk.pages.page import Gallery
from lk.report.dynamics import dynamics_section
from lk.studies.dynamics_claims import CLAIMS
from tests.helpers.run_folders import write_run

STEPS = {0: 0.0, 1: 0.1, 5: 0.5, 10: 1.0, 20: 2.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    for name, start in (("run", 0), ("random", 10)):
        for i in range(3):
            write_run(place / f"{name}-{i}", steps=STEPS, seed=start + i, training_seed=i, samples=8)
    return place


def test_the_command_writes_a_page_and_its_tables(folder, capsys):
    runs, control = ([str(folder / f"{name}-{i}") for i in range(3)] for name in ("run", "random"))
    analyze(["dynamics", *runs, "--random_labels", str(control)])
    page = folder / "dynamics" / "run-0-vs-run-1-vs-run-2" / "report.html"
    assert capsys.readouterr().err.strip().endswith(f"Report: {page}")
    text = page.read_text()
    for title in ("Claims and verdicts", "Phases", "Orders", "Life histories", "Generalisation", "Confusing samples"):
        assert f">{title}</h2>" in text
    assert "http" not in text.split("</head>")[1].replace("http://www.w3.org", "")
    verdicts = pd.read_parquet(page.parent / "tables" / "verdicts.parquet")
    assert len(verdicts) == len(CLAIMS)
    assert {"after_holm", "random labels", "untrained network", "opposite tie-break"} <= set(verdicts)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("run-*/extractions/**/*.safetensors")}
    analyze(["dynamics", *runs, "--random_labels", str(control), "--opposite", "false"])
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_one_run_is_enough_for_a_section(folder, tmp_path):
    from lk.runs import Run

    sections = dynamics_section(Run(folder / "run-0"), "default", Gallery(tmp_path))
    assert [section.title for section in sections] == ["How interactions change over training"]
    assert [picture.name for picture in sections[0].pictures][:2] == ["default-phases", "default-histories"]
    assert "Life histories need" not in " ".join(sections[0].text)
    short = write_run(tmp_path / "short")
    assert dynamics_section(short, "default", Gallery(tmp_path)) == []


def test_an_output_at_chance_has_no_life_histories(tmp_path):
    run = write_run(tmp_path / "low", steps=STEPS, samples=8, at_chance=("output",))
    (section,) = dynamics_section(run, "default", Gallery(tmp_path))
    assert [picture.name for picture in section.pictures] == ["default-phases"]
    assert "this run has 0" in " ".join(section.text)


def test_what_is_refused(folder, capsys):
    run = str(folder / "run-0")
    with pytest.raises(ValueError, match="Name each once"):
        analyze(["dynamics", run, run])
    with pytest.raises(FileNotFoundError, match="expected an extraction of run run-0, got name='none'"):
        analyze(["dynamics", run, "--extraction", "none"])
    with pytest.raises(SystemExit):
        analyze(["dynamics"])
    with pytest.raises(SystemExit):
        analyze(["dynamics", run, "--random_label", "x"])
    assert "random_labels" in capsys.readouterr().err
