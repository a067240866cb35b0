"""When checkpoints are due."""

from types import SimpleNamespace

import pytest

from lk.callbacks import SaveCheckpoints


def trainer(batches=100, epochs=3, steps=-1, accumulate=1):
    return SimpleNamespace(
        num_training_batches=batches,
        max_epochs=epochs,
        max_steps=steps,
        accumulate_grad_batches=accumulate,
        global_step=0,
        is_last_batch=False,
    )


@pytest.mark.parametrize(
    ("settings", "run", "expected"),
    [
        ({}, {}, [0, 6, 25, 100, 200, 300]),
        ({"early": 0, "every_n_epochs": 2}, {}, [0, 200, 300]),
        ({"early": 0, "every_n_epochs": 0}, {}, [0, 300]),
        ({"early": 0, "every_n_epochs": 0, "log_spaced": 2}, {}, [0, 1, 300]),
        (
            {"early": 0, "every_n_epochs": 0, "log_spaced": 9},
            {"batches": 64, "epochs": 4},
            [0, 1, 2, 4, 8, 16, 32, 64, 128, 256],
        ),
        (
            {"early": 0, "every_n_epochs": 0, "log_spaced": 9},
            {"batches": 64, "epochs": 40, "steps": 256},
            [0, 1, 2, 4, 8, 16, 32, 64, 128, 256],
        ),
        ({"early": 0, "every_n_epochs": 1, "log_spaced": 3}, {"batches": 50, "epochs": 2}, [0, 1, 10, 50, 100]),
        ({"early": 0, "log_spaced": 50}, {"batches": 2, "epochs": 2}, [0, 1, 2, 3, 4]),
        ({"early": 0, "log_spaced": 3}, {"batches": 200, "epochs": 1, "accumulate": 2}, [0, 1, 10, 100]),
    ],
)
def test_schedule(settings, run, expected):
    assert SaveCheckpoints(**settings).steps(trainer(**run)) == expected


def test_due_follows_the_schedule_of_its_run():
    callback = SaveCheckpoints(early=0, every_n_epochs=0)
    for run in (trainer(batches=5), trainer(batches=7)):
        due = []
        for run.global_step in range(22):
            if callback.due(run, 0):
                due.append(run.global_step)
        assert due == callback.steps(run)


def test_of_gathered_batches_the_last_makes_the_step():
    callback, run = SaveCheckpoints(early=0, log_spaced=3), trainer(batches=200, epochs=1, accumulate=4)
    run.global_step = 1
    assert [batch for batch in range(8) if callback.due(run, batch)] == [3, 7]
    run.is_last_batch = True
    assert callback.due(run, 5)


@pytest.mark.parametrize(("settings", "epochs"), [({}, 10**18), ({"every_n_epochs": 3}, 10**9)])
def test_a_schedule_without_measure(settings, epochs):
    with pytest.raises(ValueError, match=r"at most 100,000 checkpoints, got [\d,]+ \(max_epochs="):
        SaveCheckpoints(**settings).steps(trainer(epochs=epochs))


def test_a_run_without_end():
    with pytest.raises(ValueError, match=r"expected the last epoch for a schedule of.*got trainer\.max_epochs=-1"):
        SaveCheckpoints().steps(trainer(epochs=-1))


@pytest.mark.parametrize("settings", [{"every_n_epochs": -1}, {"early": -1}, {"log_spaced": -3}, {"log_spaced": 1}])
def test_settings_out_of_range(settings):
    with pytest.raises(
        ValueError, match=f"expected at least 0 each .*got .*{next(iter(settings))}={next(iter(settings.values()))}"
    ):
        SaveCheckpoints(**settings)
