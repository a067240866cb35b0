"""Settings of the studies of Cheng et al. (ICML 2024) on one data set."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lk.extraction import Extraction
from lk.games import Players
from lk.games.maskers import Masker
from lk.paper.ablation import Ablation
from lk.paper.controls import Controls
from lk.paper.final_checkpoint import FinalCheckpoint, read_final
from lk.paper.stability_study import StabilityStudy
from lk.probes import PaperSGD, Recipe
from lk.runs import Run
from lk.scores import Score

FIGURES = ("2", "3a", "3b", "4", "5", "6", "7", "8", "9", "10", "11", "12", "counts")


@dataclass(frozen=True)
class Architecture:
    """A network of the study.

    Args:
        name: As in the figures; the paper's own names (`MLP-7`, `ResNet-20`, `BERT`) also choose what is claimed for
            it.
        runs: Run folders, one per training seed.
        layers: Layers to read, from input to output; default the network's own list.
        probes: How the linear classifiers are fitted; default the unique optimum.
        batch_size: Masked samples per forward pass.
        published: The paper's own recipe for this network, for the control "published probes"; default that of MLP-7 on
            MNIST.
    """

    name: str
    runs: list[str]
    layers: list[str] | None = None
    probes: Recipe | None = None
    batch_size: int = 64
    published: PaperSGD | None = None


class Paper:
    """Settings of all studies on one data set.

    Args:
        folder: Where figures, tables and the page go.
        networks: What is compared.
        players: Partition of the input into players.
        masker: Replacement of absent players; default the training mean.
        score: What the games are played for; default the log-odds of the true class.
        kappa: Bound of the residual, relative to |v(N) - v(empty)|.
        count: The paper's mean number of salient interactions per sample, for reference (21.8 for MNIST, 45.6 for
            CIFAR-10).
        stability: Noise on the input; none for text.
        ablation: Kappas and solvers.
        controls: Controls of the probes, and the opposite lean.
        explained: Positions of samples whose interactions are drawn beside Shapley values and integrated gradients.
        name: Name of the extraction inside each run.

    Raises:
        ValueError: No network is given, or two have one name.
    """

    def __init__(
        self,
        folder: str,
        networks: list[Architecture],
        players: Players,
        masker: Masker | None = None,
        score: Score | None = None,
        kappa: float = 0.04,
        count: float | None = None,
        stability: StabilityStudy | None = None,
        ablation: Ablation | None = None,
        controls: Controls | None = None,
        explained: list[int] | None = None,
        name: str = "paper",
    ) -> None:
        names = [network.name for network in networks]
        if not networks or len(set(names)) < len(names) or not all(network.runs for network in networks):
            raise ValueError(
                "expected at least one network, each with a name of its own and at least one run, got "
                f"networks={names}. Name each and list its runs."
            )
        self.folder, self.networks = Path(folder), networks
        self.players, self.masker, self.score = players, masker, score
        self.kappa, self.count, self.name, self.explained = kappa, count, name, explained or [0]
        self.stability, self.ablation, self.controls = stability, ablation or Ablation(), controls or Controls()

    def extraction(self, network: Architecture) -> Extraction:
        """Settings of the extraction of a network."""
        return Extraction(
            self.players,
            self.masker,
            self.score,
            network.probes,
            layers=network.layers,
            kappa=self.kappa,
            batch_size=network.batch_size,
            name=self.name,
        )

    def runs(self) -> dict[str, list[Run]]:
        """The runs of each network; a missing folder is an error before any work."""
        return {network.name: [Run(path) for path in network.runs] for network in self.networks}

    def final_checkpoints(
        self, trust: bool = False, data_dir: str | None = None, say: Callable[[str], None] = lambda _: None
    ) -> "dict[str, list[FinalCheckpoint]]":
        """The final checkpoint of every run by network; what is not stored yet is computed."""
        self.runs()
        found: dict[str, list[FinalCheckpoint]] = {}
        for network in self.networks:
            for path in network.runs:
                start = time.perf_counter()
                own = read_final(Run(path), self.extraction(network), trust, data_dir)
                found.setdefault(network.name, []).append(own)
                say(
                    f"{network.name}, {own.run.id}: {len(own.samples.y)} samples, 2^{own.n} masked samples each, "
                    f"{time.perf_counter() - start:.0f} s"
                )
        return found
