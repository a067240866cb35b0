"""The tests mirror lk: a test file bears the name of a module, of a room, or of a concern that crosses modules."""

from pathlib import Path

TESTS = Path(__file__).parent
LK = TESTS.parent / "lk"

# Concerns that no single module has.
OF_A_ROOM = {
    "callbacks/resume_point": "callbacks/resume with runs/segments",
    "data/fuzz": "damaged files of every format",
    "decomposition/modes": "methods of decompose against each other",
    "decomposition/near_ties": "games in which effects nearly tie",
    "games/closed_form": "games whose interactions are known",
    "games/maskers": "the folder maskers",
    "loggers/other_loggers": "one training with every logger but W&B",
    "metrics/companions": "CKA, effective rank and kNN accuracy",
    "metrics/group_measures": "measures of group networks",
    "metrics/measures": "measures of interactions",
    "proofs/arithmetic": "underflow and overflow in every verifier",
    "proofs/claims": "what a certificate claims, in every verifier",
    "proofs/soundness": "wrong explanations, in every verifier",
    "proofs/verifiers": "every verifier against brute force",
    "tasks/group_training": "classification of a group's table",
}
OF_THE_WHOLE = {
    *("benchmarks", "configs", "damaged", "devices", "doctests", "errors", "fuzz", "imports", "light_import", "logged"),
    *("mirror", "readme", "resume", "sentences_run", "stored_runs", "wandb"),
}


def test_each_file_bears_the_name_of_what_it_tests():
    modules = {path.relative_to(LK).with_suffix("").as_posix() for path in LK.rglob("*.py")}
    rooms = {f"{path.name}/{path.name}" for path in LK.iterdir() if path.is_dir()}
    found = {
        path.relative_to(TESTS).with_name(path.name.removeprefix("test_")).with_suffix("").as_posix()
        for path in TESTS.rglob("test_*.py")
    }
    assert sorted(found - modules - rooms - set(OF_A_ROOM) - OF_THE_WHOLE) == []
    assert sorted((set(OF_A_ROOM) | OF_THE_WHOLE) - found) == []  # no reason without its file


def test_every_room_has_a_folder_of_tests():
    rooms = {path.name for path in LK.iterdir() if (path / "__init__.py").is_file()}
    assert sorted(rooms - {path.name for path in TESTS.iterdir()} - {"__pycache__"}) == []
