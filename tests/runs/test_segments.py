"""Where a run can be resumed, and what a resume may change."""

import pytest
import torch

import lk.callbacks  # noqa: F401  (the class of the entry, as the parser would load it)
from lk.runs.segments import (
    accepted,
    begin_segment,
    changes,
    end_segment,
    read_resume_point,
    read_segments,
    resume_points,
)
from lk.storage.stored import signed

STORED = {
    "id": "a",
    "seed_everything": 0,
    "trainer": {"max_epochs": 3, "logger": None, "callbacks": [{"class_path": "x"}], "precision": None},
    "optimizer": {"class_path": "SGD", "init_args": {"lr": 0.1}},
    "data": {"class_path": "D", "init_args": {"data_dir": "a", "num_workers": 0}},
}


def with_(key, value):
    given = accepted(STORED, {key: [None, value]})
    assert given != STORED
    return given


@pytest.mark.parametrize(
    ("key", "value"), [("id", "b"), ("trainer.logger", True), ("data.init_args.num_workers", 3), ("unknown", 4)]
)
def test_what_changes_no_weight_is_free(key, value):
    assert changes(STORED, with_(key, value), "a") == {}


@pytest.mark.parametrize(
    ("key", "value"), [("trainer.max_epochs", 9), ("trainer.callbacks", []), ("data.init_args.data_dir", "b")]
)
def test_length_and_place_are_recorded(key, value):
    given = with_(key, value)
    ((name, (_, new)),) = changes(STORED, given, "a").items()
    assert (name, new) == (key, value)
    assert accepted(STORED, changes(STORED, given, "a")) == given


@pytest.mark.parametrize(("share", "changed"), [(None, False), (0.2, True)])
def test_an_argument_that_a_later_version_added_is_a_change_unless_it_has_its_default(share, changed):
    entry = {"class_path": "lk.callbacks.SaveCheckpoints", "init_args": {"early": 1}}
    stored = accepted(STORED, {"trainer.callbacks": [None, [entry]]})
    later = accepted(
        stored, {"trainer.callbacks": [None, [{**entry, "init_args": {"early": 1, "max_overhead": share}}]]}
    )
    assert bool(changes(stored, later, "a")) == changed


def test_a_list_of_mappings_is_a_value():
    stored = accepted(STORED, {"data.init_args.columns": [None, [{"a": 1}]]})
    longer = accepted(STORED, {"data.init_args.columns": [None, [{"a": 1, "b": 2}]]})
    with pytest.raises(ValueError, match="columns"):
        changes(stored, longer, "a")


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
    stored, given = (
        {**STORED, place: {**STORED[place], "init_args": {**STORED[place]["init_args"], argument: own}}}
        for own in (old, new)
    )
    with pytest.raises(ValueError, match=rf"got {place}\.init_args\.{argument}="):
        changes(stored, given, "a")
    nested = [
        {**STORED, "model": {"network": {"class_path": "N", "init_args": {"config": {"deep": own}}}}}
        for own in (old, new)
    ]
    with pytest.raises(ValueError, match=r"got model\.network\.init_args\.config="):
        changes(*nested, "a")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimizer.init_args.lr", 0.5),
        ("seed_everything", 1),
        ("trainer.precision", "64-true"),
        ("data.class_path", "E"),
    ],
)
def test_what_decides_the_weights_is_refused(key, value):
    with pytest.raises(ValueError, match=f"got {key}="):
        changes(STORED, with_(key, value), "a")


def counts(done, ready=None):
    return {"ready": ready or done, "started": ready or done, "processed": done, "completed": done}


def whole_point(step, last_batch=False, ended=True, optimizer=True, trained=None, **own):
    """What a checkpoint after three epochs holds, as far as a resume looks at it."""
    epochs = {part: counts(3) if ended else counts(2, 3) for part in ("total", "current")}
    batches = {"is_last_batch": last_batch or ended, "total": counts(step), "current": counts(2)}
    loops = {
        "epoch_progress": epochs,
        "epoch_loop.batch_progress": batches,
        "epoch_loop.automatic_optimization.optim_progress": {
            "optimizer": {"step": {"total": {"ready": step, "completed": step}}}
        },
    }
    place = {"trained": 0 if ended else 2} if trained is None else {"trained": trained}
    stored = {
        "global_step": step,
        "epoch": 1,
        "state_dict": {"network.a": torch.ones(1)},
        "loops": {"fit_loop": loops},
        "Digits": place,
        "lk": own,
    }
    return {**stored, "optimizer_states": []} if optimizer else stored


def point(path, step, **settings):
    path.parent.mkdir(exist_ok=True)
    torch.save(whole_point(step, **settings), path)
    return path


def without(thing, *place):
    """A copy of nested mappings without one entry."""
    key, *rest = place
    return {k: without(v, *rest) if k == key and rest else v for k, v in thing.items() if k != key or rest}


def replaced(thing, value, *place):
    key, *rest = place
    return {k: (replaced(v, value, *rest) if rest else value) if k == key else v for k, v in thing.items()}


LOOPS = ("loops", "fit_loop")
STEPS = (*LOOPS, "epoch_loop.automatic_optimization.optim_progress", "optimizer", "step", "total", "completed")
WRONG = (
    lambda p: without(p, *STEPS),
    lambda p: replaced(p, 7, *STEPS),
    lambda p: replaced(p, None, "global_step"),
    lambda p: replaced(p, {}, "state_dict"),
    lambda p: replaced(p, {"trained": 100}, "Digits"),
    lambda p: replaced(p, {"trained": -1}, "Digits"),
    lambda p: replaced(p, "x", "loops"),
    lambda p: replaced(p, counts(-1), *LOOPS, "epoch_progress", "total"),
    lambda p: replaced(p, None, *LOOPS, "epoch_progress", "current"),
    lambda p: replaced(p, {**counts(2), "ready": 1}, *LOOPS, "epoch_loop.batch_progress", "current"),
    lambda p: replaced(p, [], "lk"),
    lambda p: replaced(p, {"digest": "0" * 32}, "lk"),
    lambda p: replaced(signed(p), 9, "epoch"),
    lambda p: replaced(signed(p), {"network.a": torch.zeros(1)}, "state_dict"),
)


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_counts_that_contradict_each_other_are_no_resume_point(tmp_path, number):
    for settings in ({"ended": True}, {"ended": False, "random": [1]}):
        good = whole_point(8, **settings)
        for stored in (good, signed(good)):
            torch.save(stored, tmp_path / "a.ckpt")
            assert read_resume_point(tmp_path / "a.ckpt").step == 8
        torch.save(WRONG[number](good), tmp_path / "a.ckpt")
        assert read_resume_point(tmp_path / "a.ckpt") is None


def test_a_checkpoint_before_a_validation_is_no_resume_point(tmp_path):
    for due in (False, True):
        path = point(tmp_path / "checkpoints" / "a.ckpt", 8, ended=False, random=[1], validation_due=due)
        assert (read_resume_point(path) is None) == due
    path = point(tmp_path / "checkpoints" / "a.ckpt", 8)
    torch.save(
        replaced(whole_point(8), False, *LOOPS, "epoch_loop.batch_progress", "is_last_batch"), path
    )  # stopped inside an epoch
    assert read_resume_point(path) is None


def test_the_newest_usable_checkpoint_comes_first(tmp_path):
    folder = tmp_path / "checkpoints"
    point(folder / "last.ckpt", 8)
    scheduled = {
        0: point(folder / "step=0.ckpt", 0),
        4: point(folder / "step=4.ckpt", 4),
        8: point(folder / "step=8.ckpt", 8),
        10: point(folder / "step=10.ckpt", 10, ended=False, random=[]),
        12: point(folder / "step=12.ckpt", 12, last_batch=True, ended=False),
        13: point(folder / "step=13.ckpt", 13, ended=False),
        14: point(folder / "step=14.ckpt", 14, optimizer=False),
        16: folder / "missing.ckpt",
    }
    (folder / "step=18.ckpt").write_bytes(b"PK")
    scheduled[18] = folder / "step=18.ckpt"
    assert [(found.step, found.path.name) for found in resume_points(tmp_path, scheduled)] == [
        (10, "step=10.ckpt"),
        (8, "last.ckpt"),
        (4, "step=4.ckpt"),
    ]
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
