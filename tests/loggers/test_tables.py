"""The growing table of a run that was stopped offline and goes on."""

import json

import pandas as pd

from lk.loggers import Wandb
from lk.loggers.tables import log_rows
from tests.helpers.wandb_records import records


def test_a_new_offline_record_begins_with_the_earlier_rows(tmp_path):
    first, second = (pd.DataFrame({"step": [step, step], "effect": [0.5, -1.0]}) for step in (0, 7))
    logger = Wandb(save_dir=str(tmp_path), id="again")
    log_rows(logger, "interactions/strongest", second, lambda: first, 1.5, 7)
    log_rows(logger, "interactions/strongest", second, lambda: first, 2.0, 8)
    logger.experiment.finish()
    (files,) = (tmp_path / "wandb").glob("offline-run-*/files")
    log = [record["history"]["item"] for record in records(tmp_path / "wandb") if record["type"] == "history"]
    steps = []
    for item in log:
        part = json.loads((files / item["interactions/strongest.path"]).read_text())
        assert part["columns"] == ["step", "effect"]
        steps.append([row[0] for row in part["data"]])
    assert steps == [[0, 0, 7, 7], [7, 7]]
    assert [item["checkpoint/epoch"] for item in log] == [1.5, 2.0]
