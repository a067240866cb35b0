"""Frames of three checkpoints, for charts that move."""

import numpy as np
import pandas as pd

from lk.metrics.intervals import jackknife
from lk.studies.averages import averages
from lk.studies.ranking import ranked, strongest_of
from tests.helpers.run_folders import interactions

LAYERS = ("<first>", "second", "third", "output")
EPOCHS = (0.0, 1.0, 2.0)


def checkpoints(layers=LAYERS):
    return [
        interactions(layers=layers, seed=i, step=10 * i, epoch=epoch, salience_ratio=0.05)
        for i, epoch in enumerate(EPOCHS)
    ]


def tables(layers=LAYERS):
    """All averages; the second layer is marked."""
    found, before, collected = checkpoints(layers), None, []
    for one in found:
        collected.append(averages(one, jackknife(6), before, found[-1]))
        before = one
    whole = {key: pd.concat([table[key] for table in collected], ignore_index=True) for key in collected[0]}
    return {key: frame.assign(marked=frame["layer"] == layers[1]) for key, frame in whole.items()}


def strongest(layers=LAYERS):
    frames = [strongest_of(one, [("one\nno. 3", layers[1], 0), ("two", layers[-1], 1)]) for one in checkpoints(layers)]
    frame = pd.concat(frames, ignore_index=True)
    return frame.assign(marked=frame["layer"] == layers[1])


def probes(layers=LAYERS):
    frame = pd.DataFrame({"layer": layers, "depth": np.linspace(0, 1, len(layers)), "chance": 0.5, "samples": 50})
    moving = [
        frame.assign(step=10 * i, epoch=e, accuracy=0.5 + 0.1 * i, calibration_error=0.1) for i, e in enumerate(EPOCHS)
    ]
    return pd.concat(moving, ignore_index=True).assign(marked=lambda f: f["layer"] == layers[1])


def training():
    return pd.DataFrame(
        {
            "epoch": [1.0, 2.0] * 4,
            "quantity": [q for q in ("train/loss", "test/loss", "train/accuracy", "test/accuracy") for _ in range(2)],
            "value": [1.0, 0.5, 1.1, 0.7, 0.2, 0.9, 0.2, 0.8],
        }
    )


def sorted_strengths(layers=LAYERS):
    frame = ranked(checkpoints(layers)[-1])
    return frame.assign(marked=frame["layer"] == layers[1])
