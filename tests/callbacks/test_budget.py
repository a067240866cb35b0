"""Which scheduled checkpoints a budget keeps, by a clock of the test's own."""

import re
from itertools import pairwise

import pytest
import torch
import yaml

import lk.callbacks.budget
from lk.callbacks import SaveCheckpoints
from lk.callbacks.budget import FILE, Budget
from lk.cli import train
from lk.runs import Run


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(lk.callbacks.budget, "time", clock)
    return clock


def trained(clock, budget, folder, cost, first=0, last=1000, every=20, pace=0.1, warm=5.0):
    """Train from step `first` on; the steps that were kept. A checkpoint at step s takes `cost(s)` seconds."""
    scheduled = [*range(0, last, every), last]
    budget.start(folder)
    kept = []
    for step in range(first, last + 1):
        if step > first:
            clock.now += pace + warm * (step == first + 1)
            budget.stepped(step)
        ahead = sum(step <= other < last for other in scheduled)
        if step in scheduled and budget.keeps(step, ahead, last):
            kept.append(step)
            with budget.watching(step):
                clock.now += cost(step)
    budget.count()
    return kept


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("cost", [lambda step: 1.0, lambda step: 0.5 + step / 500, lambda step: 2.0 - step / 1000])
def test_the_budget_is_reached_within_a_tenth(clock, tmp_path, share, cost):
    budget = Budget(share)
    kept = trained(clock, budget, tmp_path, cost)
    assert kept[0] == 0
    assert kept[-1] == 1000
    assert budget.trained == pytest.approx(105.0)
    # One checkpoint more would be too much, or too little: it is at most 2.5 s of 10.5, 21 or 42.
    assert share - cost(1000) / budget.trained <= budget.watched / budget.trained <= 1.1 * share
    assert budget.watched == pytest.approx(sum(map(cost, kept)))


def test_what_is_kept_is_spread_evenly(clock, tmp_path):
    kept = trained(clock, Budget(0.2), tmp_path, lambda step: 1.0)
    apart = [after - before for before, after in pairwise(kept)]
    assert len(kept) == 20
    assert max(apart) <= 2 * min(apart)


def test_a_budget_that_is_never_reached_keeps_all(clock, tmp_path):
    assert len(trained(clock, Budget(1.0), tmp_path, lambda step: 0.01)) == 51
    assert len(trained(clock, Budget(None), tmp_path, lambda step: 100.0)) == 51


def test_the_first_and_the_last_are_kept_whatever_they_take(clock, tmp_path):
    budget = Budget(0.01)
    assert trained(clock, budget, tmp_path, lambda step: 10.0) == [0, 1000]
    assert re.search(r"19 % of .* \(budget 1 %\).*first and the last are kept whatever they take", budget.reached())


def test_a_resumed_training_keeps_what_was_decided(clock, tmp_path):
    whole = Budget(0.2)
    kept = trained(clock, whole, tmp_path, lambda step: 1.0)
    stored = yaml.safe_load((tmp_path / FILE).read_text())
    assert stored["format"] == 1
    assert stored["kept"] == kept[1:-1]
    again = Budget(0.2)
    # Faster or slower now: what was decided before stays.
    assert trained(clock, again, tmp_path, lambda step: 9.0, first=400) == [step for step in kept if step >= 400]
    assert again.trained > whole.trained


def test_time_inside_of_watching_is_counted_once(clock, tmp_path):
    budget = Budget(0.2)
    budget.start(tmp_path)
    clock.now = 1.0
    with budget.watching(0):
        clock.now = 3.0
        with budget.watching(0):
            clock.now = 4.0
    clock.now = 6.0
    budget.count()
    assert (budget.trained, budget.watched, budget.costs) == (3.0, 3.0, {0: 3.0})


@pytest.mark.parametrize(
    "text",
    [
        "format: 2",
        "format: 1\ntrained: -1\nwatched: 0\ncredit: 0\ncosts: []\nkept: []\nleft_out: []",
        "format: 1\ntrained: 1\nwatched: .nan\ncredit: 0\ncosts: []\nkept: []\nleft_out: []",
        "format: 1\ntrained: 1\nwatched: 0\ncredit: 0\ncosts: [[1]]\nkept: []\nleft_out: []",
        "format: 1\ntrained: 1\nwatched: 0\ncredit: 0\ncosts: []\nkept: [a]\nleft_out: []",
        "format: 1",
    ],
)
def test_damaged_decisions_are_refused(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ValueError, match=r"expected times and steps of format 1 in .*schedule.yaml.* Delete it"):
        Budget(0.2).start(tmp_path)


@pytest.mark.parametrize("share", [0, -0.1, float("inf"), float("nan")])
def test_a_budget_out_of_range(share):
    with pytest.raises(ValueError, match=r"expected max_overhead above 0, got max_overhead=.*Write 0.2"):
        SaveCheckpoints(max_overhead=share)


def test_a_training_within_a_budget(tiny_config, tmp_path, capsys):
    """From the command line: weights are those of a training without a budget, and the figure is said."""
    bounded = tmp_path / "bounded.yaml"
    bounded.write_text(tiny_config.read_text().replace("{early: 1}", "{early: 1, max_overhead: 1e-9}"))
    more = ["--runs_dir", str(tmp_path), "--report", "false", "--trainer.logger", "false"]
    train(["fit", "--config", str(tiny_config), "--id", "free", *more])
    capsys.readouterr()
    train(["fit", "--config", str(bounded), "--id", "bounded", *more])
    said = re.sub(r"\s+", " ", capsys.readouterr().err)
    free, run = Run(tmp_path / "free"), Run(tmp_path / "bounded")
    last = max(free.checkpoints)
    assert len(free.checkpoints) > 2
    assert list(run.checkpoints) == [0, last] == list(run.extracted("default"))
    assert f"Of {len(free.checkpoints)} scheduled checkpoints the first and the last are kept" in said
    assert re.search(r"Watching took .* \(budget 0 %\)\. Kept: the first, the last, and 0 of 2 other", said)
    ours, theirs = (torch.load(one.checkpoint(last), weights_only=True)["state_dict"] for one in (run, free))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (run.path / FILE).is_file()
    assert not (free.path / FILE).exists()
