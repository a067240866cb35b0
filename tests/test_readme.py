"""The README's commands and example work as written."""

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lk.runs import Run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_example_runs(tmp_path, monkeypatch):
    code = re.search(r"<!-- tested: explain -->\n```python\n(.*?)```", README, re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    script = tmp_path / "example.py"
    script.write_text(code)
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(script))
    assert "AND" in repr(names["found"])
    assert (tmp_path / "interactions.png").stat().st_size > 10_000


def test_every_path_and_link_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_the_table_names_every_config():
    named = set(re.findall(r"configs/([\w/]+\.yaml)", README))
    assert {path.relative_to(ROOT / "configs").as_posix() for path in (ROOT / "configs").rglob("*.yaml")} <= named


def test_the_first_command_parses():
    command = re.search(r"uv run (train\.py fit .*)", README)[1]
    words = shlex.split(command)
    assert words[:2] == ["train.py", "fit"]
    assert (ROOT / words[words.index("--config") + 1]).is_file()


@pytest.mark.slow
def test_the_first_command(tmp_path):
    """Whole, as written, in a process of its own, but for the folder of the runs: accuracy, report, certificates."""
    words = shlex.split(re.search(r"uv run (train\.py fit .*)", README)[1])
    subprocess.run(
        [sys.executable, *words, "--runs_dir", str(tmp_path), "--id", "readme"], cwd=ROOT, check=True, timeout=900
    )
    run = Run(tmp_path / "readme")
    curves = run.read_table("training")
    assert curves[curves["quantity"] == "test/accuracy"]["value"].iloc[-1] >= 0.97
    assert run.read_table("default/games")["certified"].all()
    assert run.report.stat().st_size > 200_000
