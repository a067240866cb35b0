"""Commands in parallel, to their end or until they are stopped."""

import os
import signal
import subprocess
import sys
import time

from lk.sweeps.processes import LOG, in_parallel


def python(code):
    return [sys.executable, "-S", "-c", code]


def test_at_most_so_many_run_at_a_time_and_a_failure_stops_none(tmp_path):
    code = "import os, pathlib, sys, time; p = pathlib.Path(sys.argv[1]); (p / sys.argv[2]).touch(); "
    code += "print(len(os.listdir(p)), os.environ['OMP_NUM_THREADS']); time.sleep(0.3); (p / sys.argv[2]).unlink(); "
    code += "sys.exit(int(sys.argv[2]) % 2)"
    (tmp_path / "alive").mkdir()
    ends = {}
    commands = {f"{i}": [*python(code), str(tmp_path / "alive"), f"{i}"] for i in range(5)}
    in_parallel(commands, tmp_path / "runs", 2, ends.__setitem__)
    assert ends == {"0": 0, "1": 1, "2": 0, "3": 1, "4": 0}
    alive = [int((tmp_path / "runs" / name / LOG).read_text().split()[0]) for name in commands]
    assert max(alive) <= 2


def test_a_stop_lets_those_that_run_save_their_state(tmp_path):
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(143))); "
    code += "print('begun', flush=True); time.sleep(60)"
    outer = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); from pathlib import Path; "
    outer += f"from lk.sweeps.processes import in_parallel; c = {python(code)!r}; "
    outer += f"in_parallel({{'a': c, 'b': c, 'c': c}}, Path({str(tmp_path)!r}), 2, print)"
    process = subprocess.Popen([sys.executable, "-c", outer], env=os.environ)
    logs = [tmp_path / name / LOG for name in "ab"]
    while not all(log.is_file() and log.read_text() == "begun\n" for log in logs):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert [log.read_text() for log in logs] == ["begun\nsaved\n"] * 2
    assert not (tmp_path / "c").exists()
