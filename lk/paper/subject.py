"""What a study works on: one finished network with its probes, its samples and their interactions."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor, nn

from lk.extraction import Checkpoint, Extraction, Samples, read
from lk.extraction.games import read_games
from lk.extraction.tables import write_tables
from lk.games import count_players
from lk.interactions import Interactions
from lk.probes import Probes
from lk.runs import Run, step_name
from lk.storage.stored import damaged, parse_json, read_tensors, write_tensors
from lk.storage.trust import renamed
from lk.studies.alignment import intermediate

if TYPE_CHECKING:
    from lk.data import Data

PLACES = ("intermediate layer", "output")


@dataclass(frozen=True)
class Subject:
    """The last checkpoint of a run, read.

    Attributes:
        run: The run.
        extraction: How it is read.
        data: Its data set.
        network: The frozen network.
        probes: The classifiers of its layers; `None` where the score reads raw activations.
        samples: The explained samples.
        values: Values of every game, `(2**n, layers + 1, samples)`.
        interactions: Interactions of every layer and sample.
        step: Global step of the checkpoint.
    """

    run: Run
    extraction: Extraction
    data: "Data"
    network: nn.Module
    probes: Probes | None
    samples: Samples
    values: Tensor
    interactions: Interactions
    step: int

    @property
    def n(self) -> int:
        """Number of players."""
        return count_players(self.samples.owner)

    @property
    def inputs(self) -> str:
        """What the network reads: `grey images`, `colour images`, `tables` or `text` (numbers of tokens)."""
        if not self.samples.x.is_floating_point():
            return "text"
        if self.samples.x.ndim == 2:
            return "tables"
        return "grey images" if self.samples.x.shape[1] == 1 else "colour images"

    @property
    def middle(self) -> str:
        """The intermediate layer."""
        return intermediate(self.interactions.layers)

    @property
    def places(self) -> dict[str, int]:
        """Positions of the intermediate layer and of the output, where studies of two layers look."""
        return {PLACES[0]: self.interactions.layer(self.middle), PLACES[1]: self.interactions.output}

    @property
    def identity(self) -> dict[str, Any]:
        """What all studies of the subject depend on, as plain data: a result that was stored with another identity is not its own."""
        return {
            "step": self.step,
            "extraction": self.extraction.decisive,
            "explained": self.samples.index.tolist(),
            "made_from": self.interactions.origin.made_from,
        }

    def kept(self, name: str, settings: dict[str, Any], make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """A table of the run: read where it was made with these settings at this checkpoint, otherwise made and written now.

        Args:
            name: Name of the table inside the extraction's folder.
            settings: All that decides it beside the extraction, as plain data; kept in the file.
            make: Makes it.
        """
        path = f"{self.extraction.name}/{name}"
        settings = {**settings, **self.identity}
        if self.run.table(path).is_file():
            stored = self.run.read_table(path)
            if same(stored.attrs.get("settings"), settings):
                return stored
        start = time.perf_counter()
        frame = make()
        frame.attrs.update(
            settings=settings, seconds={**frame.attrs.get("seconds", {}), "all": time.perf_counter() - start}
        )
        self.run.write_table(path, frame)
        return frame

    def kept_tensors(
        self, name: str, settings: dict[str, Any], make: Callable[[], dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Tensors of the run: read where they were made with these settings at this checkpoint, otherwise made and written now.

        Args:
            name: Name of the file inside the extraction's folder of the checkpoint.
            settings: All that decides them beside the extraction, as plain data; kept in the file.
            make: Makes them.
        """
        path = self.run.extraction(self.extraction.name) / step_name(self.step) / name
        settings, remedy = {**settings, **self.identity}, "Delete it; the same command makes it again."
        if path.is_file():
            tensors, about = read_tensors(path, "holds no result of a study", remedy)
            # Files without settings are older than these; their names say what decides them.
            try:
                stored = parse_json(about["settings"]) if "settings" in about else {**settings, "made_from": None}
            except ValueError as error:
                raise damaged(path, "holds no result of a study", error, remedy) from error
            if same(stored, settings):
                return tensors
        write_tensors(path, make(), {"settings": json.dumps(settings)})
        return read_tensors(path, "holds no result of a study", remedy)[0]


def same(stored: object, settings: dict[str, Any]) -> bool:
    """Whether stored settings are these. What was stored before digests were kept is of a subject without them."""
    return isinstance(stored, dict) and renamed({"made_from": None, **stored}) == json.loads(json.dumps(settings))


def subject(
    run: Run,
    extraction: Extraction,
    trust: bool = False,
    data_dir: str | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> Subject:
    """Read the last checkpoint of a run: fit probes, extract and measure where that is not stored yet.

    Args:
        run: The run.
        extraction: How to read it.
        trust: Build classes that are neither of lk nor of torchvision.
        data_dir: Folder of the data set, where it differs from the run's config.
        done: Called with the number of masked samples after each forward pass.

    Raises:
        FileNotFoundError: The run has no checkpoint.
        ValueError: The stored extraction has other settings.
    """
    if not run.checkpoints:
        raise FileNotFoundError(f"Run {run.id} has no checkpoints in {run.path / 'checkpoints'}; train it first.")
    step = max(run.checkpoints)
    data = run.data(trust, data_dir)
    network = run.network(data, trust).to("cuda" if torch.cuda.is_available() else "cpu")
    checkpoint, found = read(Checkpoint.load(run, step, network, data), extraction, done)
    write_tables(run, extraction.name)  # from the files as they are now, whatever the tables were made from
    games = read_games(checkpoint.folder(extraction.name) / "values.safetensors", tuple(found.and_.shape))
    return Subject(
        run,
        extraction,
        data,
        checkpoint.network,
        checkpoint.probes,
        checkpoint.explained,
        games.values,
        found,
        step,
    )


def evenly(total: int, count: int) -> list[int]:
    """Positions of `count` of `total` samples, evenly spread, so that every class stays represented.

    Example:
        >>> evenly(10, 4)
        [0, 2, 5, 7]
    """
    count = min(count, total)
    return [i * total // count for i in range(count)]
