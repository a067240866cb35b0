"""The final checkpoint of a run, with its probes, samples and interactions: what the studies of the paper work on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lk.extraction import Checkpoint, Extraction, Samples, read
from lk.extraction.games import read_games
from lk.extraction.tables import intermediate, write_tables
from lk.games import count_players
from lk.interactions import Interactions
from lk.probes import Probes
from lk.runs import Run

if TYPE_CHECKING:
    from lk.data import Data

PLACES = ("intermediate layer", "output")


@dataclass(frozen=True)
class FinalCheckpoint:
    """The last checkpoint of a run, extracted.

    Attributes:
        run: The run.
        extraction: Settings of the extraction.
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
        """What every stored result depends on, as plain data.

        One with another identity belongs to another checkpoint or extraction.
        """
        return {
            "step": self.step,
            "extraction": self.extraction.decisive,
            "explained": self.samples.index.tolist(),
            "made_from": self.interactions.origin.made_from,
        }


def read_final(
    run: Run,
    extraction: Extraction,
    trust: bool = False,
    data_dir: str | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> FinalCheckpoint:
    """The last checkpoint of a run. Fits probes, extracts and measures where that is not stored yet.

    Args:
        run: The run.
        extraction: Settings of the extraction.
        trust: Build classes that are neither of lk nor of torchvision.
        data_dir: Folder of the data set, where it differs from the run's config.
        done: Called with the number of masked samples after each forward pass.

    Raises:
        FileNotFoundError: The run has no checkpoint.
        ValueError: The stored extraction has other settings.
    """
    if not run.checkpoints:
        raise FileNotFoundError(
            f"expected checkpoints in {run.path / 'checkpoints'}, got none. Train run {run.id} first."
        )
    step = max(run.checkpoints)
    data = run.data(trust, data_dir)
    network = run.network(data, trust).to("cuda" if torch.cuda.is_available() else "cpu")
    checkpoint, found = read(Checkpoint.load(run, step, network, data), extraction, done)
    write_tables(run, extraction.name)  # from the files as they are now, whatever the tables were made from
    games = read_games(checkpoint.folder(extraction.name) / "values.safetensors", tuple(found.and_.shape))
    return FinalCheckpoint(
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
