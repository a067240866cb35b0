import os
import subprocess
import sys

import pytest

import lk.storage.files
from lk.storage.files import check_links, remove_parts, writing


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
        "with writing(pathlib.Path(sys.argv[2])) as t:\n    t.write_text('ha')\n    os.kill(os.getpid(), "
        "signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, lk.storage.files.__file__, str(target)], check=False)
    assert done.returncode == -9
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2  # half of the new one, under a name that nothing reads


def test_two_processes_do_not_share_a_temporary_name(tmp_path):
    with writing(tmp_path / "b.txt") as temporary:
        assert str(os.getpid()) in temporary.name
        assert temporary.name.startswith(".")  # so that a pattern such as step=* does not find it
        temporary.touch()


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    """Neither under the name of the temporary file, which cannot be guessed, nor under that of the file itself."""
    outside, folder = tmp_path / "outside", tmp_path / "run"
    outside.write_text("untouched")
    folder.mkdir()
    (folder / "b.txt").symlink_to(outside)
    for name in (f".b.txt.{os.getpid()}.part", ".b.txt.part"):
        (folder / name).symlink_to(outside)
    with writing(folder / "b.txt") as temporary:
        temporary.write_text("whole")
    assert outside.read_text() == "untouched"
    assert not (folder / "b.txt").is_symlink()
    monkeypatch.setattr(lk.storage.files.secrets, "token_hex", lambda _: "0000")  # even a name that was guessed
    (folder / f".b.txt.{os.getpid()}-0000.part").symlink_to(outside)
    with pytest.raises(FileExistsError), writing(folder / "b.txt") as temporary:
        temporary.write_text("whole")
    assert outside.read_text() == "untouched"


def test_what_killed_processes_left_is_removed(tmp_path):
    kept = [tmp_path / "config.yaml", tmp_path / "a" / ".hidden", tmp_path / "a" / "b.part"]
    left = [tmp_path / ".config.yaml.1.part", tmp_path / "a" / ".x.99-ab.part"]
    (tmp_path / "a").mkdir()
    for path in (*kept, *left):
        path.touch()
    assert sorted(remove_parts(tmp_path)) == sorted(left)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_links_out_of_a_run_are_refused(tmp_path):
    run = tmp_path / "run"
    (run / "wandb").mkdir(parents=True)
    (run / "wandb" / "debug.log").symlink_to("/tmp")  # W&B's own
    (run / "latest").symlink_to(run / "wandb")
    check_links(run)
    (run / "tables").symlink_to(tmp_path)
    with pytest.raises(ValueError, match=r"expected no link that leads out of the run folder, got .*tables -> "):
        check_links(run)
