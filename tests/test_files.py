import os
import subprocess
import sys

import pytest

import lk.files
from lk.files import writing


def test_writes_and_makes_the_folder(tmp_path):
    with writing(tmp_path / "a" / "b.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "a" / "b.txt").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "b.txt"
    target.write_text("old")

    def interrupted():
        with writing(target) as temporary:
            temporary.write_text("ha")
            raise error

    with pytest.raises(error):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_process_that_is_killed_leaves_the_old_file(tmp_path):
    target = tmp_path / "b.txt"
    target.write_text("old")
    script = (
        "import os, pathlib, runpy, signal, sys\nwriting = runpy.run_path(sys.argv[1])['writing']\n"
        "with writing(pathlib.Path(sys.argv[2])) as t:\n    t.write_text('ha')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, lk.files.__file__, str(target)], check=False)
    assert done.returncode == -9
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2  # half of the new one, under a name that nothing reads


def test_two_processes_do_not_share_a_temporary_name(tmp_path):
    with writing(tmp_path / "b.txt") as temporary:
        assert str(os.getpid()) in temporary.name
        assert temporary.name.startswith(".")  # so that a pattern such as step=* does not find it
        temporary.touch()
