"""A checkpoint: a network at one step of its training, with what it is read on."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from lk.extraction.samples import Samples
from lk.probes import Probes
from lk.runs import Run, step_name

if TYPE_CHECKING:
    from lk.data import Data


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network at one step of its training.

    Attributes:
        run: The run that results are stored in.
        step: Global step.
        epoch: Epochs trained, may be a fraction.
        network: The network as it stands; it is read, never changed.
        data: The data set of the run.
        samples: The samples to explain; None where none are chosen yet.
        probes: The linear classifiers of its layers; None where they are not fitted, or the score reads raw
            activations.
        last: Whether training ends here.
    """

    run: Run
    step: int
    epoch: float
    network: nn.Module
    data: "Data"
    samples: Samples | None = None
    probes: Probes | None = None
    last: bool = False

    @classmethod
    def load(
        cls, run: Run, step: int, network: nn.Module, data: "Data", samples: Samples | None = None
    ) -> "Checkpoint":
        """A stored checkpoint; its weights are loaded into the network.

        Raises:
            ValueError: The checkpoint is damaged, or of another network.
        """
        epoch = float(run.load(network, step)["epoch"])
        return cls(run, step, epoch, network, data, samples, last=step == max(run.checkpoints))

    @property
    def explained(self) -> Samples:
        """The samples to explain.

        Raises:
            ValueError: None are chosen.
        """
        if self.samples is None:
            raise ValueError(f"expected samples to explain at step {self.step}, got none. Pass Extraction.open(...).")
        return self.samples

    def folder(self, extraction: str) -> Path:
        """Folder of the results of an extraction."""
        return self.run.extraction(extraction) / step_name(self.step)
