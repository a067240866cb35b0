"""Jobs by submitit's own executor for this machine."""

import sys

import pytest

from lk.sweeps.cluster import LOGS, Training, submitted


def test_jobs_run_and_failures_are_told(tmp_path):
    commands = [[sys.executable, "-S", "-c", f"print('job {code}'); raise SystemExit({code})"] for code in (0, 3)]
    jobs = submitted(commands, tmp_path, {"cluster": "local", "timeout_min": 5})
    assert jobs[0].result() == 0
    assert "job 0" in jobs[0].stdout()
    assert "expected exit code 0, got 3" in str(jobs[1].exception())
    assert (tmp_path / LOGS).is_dir()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"cluster": "nowhere"}, "nowhere"), ({"cluster": "local", "timeout_mn": 3}, "timeout_mn")],
)
def test_unknown_settings_are_refused(tmp_path, settings, message):
    with pytest.raises(ValueError, match=f"expected settings of submitit, got .*{message}"):
        submitted([["true"]], tmp_path, settings)


def test_a_stopped_job_is_put_back_with_the_same_command():
    again = Training().checkpoint(["true"])
    assert (type(again.function), again.args) == (Training, (["true"],))
    assert again.function(*again.args) == 0
