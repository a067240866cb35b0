"""Where a run can be resumed, and what a resume may change."""

import pytest
import torch

from lk.segments import accepted, begin_segment, changes, end_segment, read_segments, resume_points

STORED = {
    "id": "a", "seed_everything": 0, "trainer": {"max_epochs": 3, "logger": None, "callbacks": [{"class_path": "x"}], "precision": None},
    "optimizer": {"class_path": "SGD", "init_args": {"lr": 0.1}}, "data": {"class_path": "D", "init_args": {"data_dir": "a", "num_workers": 0}},
}  # fmt: skip


def with_(key, value):
    given = accepted(STORED, {key: [None, value]})
    assert given != STORED
    return given


@pytest.mark.parametrize(("key", "value"), [("id", "b"), ("trainer.logger", True), ("data.init_args.num_workers", 3), ("unknown", 4)])
def test_what_changes_no_weight_is_free(key, value):
    assert changes(STORED, with_(key, value), "a") == {}


@pytest.mark.parametrize(("key", "value"), [("trainer.max_epochs", 9), ("trainer.callbacks", []), ("data.init_args.data_dir", "b")])
def test_length_and_place_are_recorded(key, value):
    given = with_(key, value)
    ((name, (_, new)),) = changes(STORED, given, "a").items()
    assert (name, new) == (key, value)
    assert accepted(STORED, changes(STORED, given, "a")) == given


SCHEDULER = {"class_path": "torch.optim.lr_scheduler.StepLR", "init_args": {"step_size": 3}}


def test_a_part_that_is_added_or_left_away_is_refused():
    """Of `lr_scheduler: null` against a scheduler, neither has a key of the other."""
    without, scheduled = {**STORED, "lr_scheduler": None}, {**STORED, "lr_scheduler": SCHEDULER}
    for stored, given in ((without, scheduled), (scheduled, without)):
        with pytest.raises(ValueError, match="got lr_scheduler="):
            changes(stored, given, "a")
    own = {**STORED, "optimizer": {**STORED["optimizer"], "dict_kwargs": {"beta": 1}}}
    with pytest.raises(ValueError, match=r"got optimizer\.dict_kwargs="):
        changes(STORED, own, "a")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"age": "number"}, {"age": "number", "job": "words"}),
        ({"age": "number", "job": "words"}, {"age": "number"}),
        ({}, {"age": "number"}),
    ],
    ids=["added", "left away", "first"],
)
@pytest.mark.parametrize(("place", "argument"), [("data", "columns"), ("optimizer", "config")])
def test_keys_of_a_mapping_that_a_class_takes_are_settings(place, argument, old, new):
    """A column of a table, an entry of a transformer's configuration: neither is a default of a version."""
    stored, given = ({**STORED, place: {**STORED[place], "init_args": {**STORED[place]["init_args"], argument: own}}} for own in (old, new))
    with pytest.raises(ValueError, match=rf"got {place}\.init_args\.{argument}="):
        changes(stored, given, "a")
    nested = [{**STORED, "model": {"network": {"class_path": "N", "init_args": {"config": {"deep": own}}}}} for own in (old, new)]
    with pytest.raises(ValueError, match=r"got model\.network\.init_args\.config="):
        changes(*nested, "a")


@pytest.mark.parametrize(
    ("key", "value"), [("optimizer.init_args.lr", 0.5), ("seed_everything", 1), ("trainer.precision", "64-true"), ("data.class_path", "E")]
)
def test_what_decides_the_weights_is_refused(key, value):
    with pytest.raises(ValueError, match=f"got {key}="):
        changes(STORED, with_(key, value), "a")


def point(path, step, last_batch=False, ended=True, optimizer=True, **own):
    path.parent.mkdir(exist_ok=True)
    progress = {"total": {"started": 3, "processed": 3 if ended else 2}}
    loops = {"fit_loop": {"epoch_progress": progress, "epoch_loop.batch_progress": {"is_last_batch": last_batch or ended}}}
    stored = {"global_step": step, "epoch": 1, "state_dict": {}, "loops": loops, "lk": own}
    torch.save({**stored, "optimizer_states": []} if optimizer else stored, path)
    return path


def test_the_newest_usable_checkpoint_comes_first(tmp_path):
    folder = tmp_path / "checkpoints"
    point(folder / "last.ckpt", 8)
    scheduled = {
        0: point(folder / "step=0.ckpt", 0), 4: point(folder / "step=4.ckpt", 4), 8: point(folder / "step=8.ckpt", 8),
        10: point(folder / "step=10.ckpt", 10, ended=False, random=[]), 12: point(folder / "step=12.ckpt", 12, last_batch=True, ended=False),
        13: point(folder / "step=13.ckpt", 13, ended=False), 14: point(folder / "step=14.ckpt", 14, optimizer=False), 16: folder / "missing.ckpt",
    }  # fmt: skip
    (folder / "step=18.ckpt").write_bytes(b"PK")
    scheduled[18] = folder / "step=18.ckpt"
    assert [(found.step, found.path.name) for found in resume_points(tmp_path, scheduled)] == [
        (10, "step=10.ckpt"), (8, "last.ckpt"), (4, "step=4.ckpt"),
    ]  # fmt: skip
    point(tmp_path / "hpc_ckpt_1.ckpt", 11)
    assert next(resume_points(tmp_path, scheduled)).step == 11
    (folder / "last.ckpt").unlink()
    assert [found.step for found in resume_points(tmp_path, {8: scheduled[8]})] == [11, 8]


def test_segments_follow_each_other(tmp_path):
    assert read_segments(tmp_path) == []
    end_segment(tmp_path, 1, 1.0, "finished")  # a run of an earlier version
    assert read_segments(tmp_path) == []
    begin_segment(tmp_path, 0, 0.0, {}, 1)
    end_segment(tmp_path, 4, 0.5, "SIGTERM")
    begin_segment(tmp_path, 4, 0.5, {"trainer.max_epochs": [1, 2]}, 2)
    first, second = read_segments(tmp_path)
    assert (first["from_step"], first["to_step"], first["ended"]) == (0, 4, "SIGTERM")
    assert (second["from_step"], second["devices"], "ended" in second) == (4, 2, False)


@pytest.mark.parametrize("text", ["", "3", "segments: 3", "segments: [{from_step: 1}]", "{", "segments: [3]"])
def test_a_damaged_file_names_itself(tmp_path, text):
    (tmp_path / "segments.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"segments\.yaml"):
        read_segments(tmp_path)
