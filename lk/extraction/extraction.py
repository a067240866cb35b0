"""Settings of an extraction: which games are played, and how they are decomposed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lk.extraction.checkpoint import Checkpoint
from lk.extraction.samples import ROUNDING, Samples, check_memory
from lk.games import Players, count_players, play
from lk.games.game import BACKGROUNDS, check_layers
from lk.games.maskers import Masker, Mean
from lk.probes import Optimum, Probes, Recipe
from lk.runs import read_settings
from lk.scores import Score, TrueClass
from lk.storage.describe import Recorded, describe
from lk.storage.digest import digest_files, digest_plain, digest_tensors
from lk.storage.files import writing
from lk.storage.strict_yaml import dump_yaml

if TYPE_CHECKING:
    from lk.data import Data

PARTS = ("players", "masker", "score", "probes")
INDIFFERENT = ("batch_size", "name", "companions")  # settings that change no interaction


class Extraction(metaclass=Recorded):
    """Settings of an extraction, and the work itself.

    Args:
        players: Who can be absent.
        masker: What fills the gap; default the training mean.
        score: What the game is played for; default the log-odds of the true class.
        probes: How the linear classifiers are fitted; default the unique optimum.
        background: What becomes of entries that no player owns: `original`, `baseline` or `integrated`.
        layers: Layers to read, from input to output; default the network's own list.
        kappa: Bound of the residual, relative to |v(N) - v(empty)| of each game.
        gap: Relative gap between objective and lower bound to prove.
        salience_ratio: Threshold of salience, relative to the strongest interaction.
        batch_size: Masked samples per forward pass.
        name: Name of the extraction inside the run.
        companions: Measure debiased CKA, effective rank and kNN accuracy of each layer too, on 512 test samples.

    Raises:
        ValueError: A setting is out of range, or a part has an argument that no settings file can hold.
    """

    def __init__(
        self,
        players: Players,
        masker: Masker | None = None,
        score: Score | None = None,
        probes: Recipe | None = None,
        background: str = "original",
        layers: Sequence[str] | None = None,
        kappa: float = 0.04,
        gap: float = 1e-3,
        salience_ratio: float = 0.05,
        batch_size: int = 64,
        name: str = "default",
        companions: bool = False,
    ) -> None:
        if kappa < 0 or gap <= 0 or not 0 <= salience_ratio < 1 or batch_size < 1:
            raise ValueError(
                f"expected kappa >= 0, gap > 0, 0 <= salience_ratio < 1, batch_size >= 1, got kappa={kappa}, "
                f"gap={gap}, salience_ratio={salience_ratio}, batch_size={batch_size}. Leave them out for the defaults."
            )
        if background not in BACKGROUNDS:
            raise ValueError(
                f"expected background in {list(BACKGROUNDS)}, got background={background!r}. Choose one of these."
            )
        if not name or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
            raise ValueError(
                f"expected letters, digits, '-', '_' and '.', got name={name!r}. It becomes a folder: choose another."
            )
        if isinstance(layers, str):  # "12" would be taken for the layers 1 and 2
            raise ValueError(f"expected a list of layer names, got layers={layers!r}. Write [{layers!r}].")
        self.players, self.masker, self.score, self.probes = (
            players,
            masker or Mean(),
            score or TrueClass(),
            probes or Optimum(),
        )
        self.background, self.layers, self.kappa, self.gap = (
            background,
            list(layers) if layers is not None else None,
            kappa,
            gap,
        )
        self.salience_ratio, self.batch_size, self.name = salience_ratio, batch_size, name
        self.companions = companions
        for part in PARTS:
            # Results are told apart by their settings: what cannot be written into settings.yaml is refused before any
            # work.
            try:
                describe(getattr(self, part))
            except ValueError as error:
                raise ValueError(f"{part}={type(getattr(self, part)).__name__}: {error}") from error

    def layers_of(self, network: nn.Module) -> list[str]:
        """The layers to read, checked against the network."""
        if (seeds := getattr(network, "seeds", 1)) > 1:
            raise ValueError(
                f"expected one network, got {type(network).__name__} of {seeds} seeds. Train with seeds: 1, or pass "
                "one of them: GroupNetwork.from_tables(network.tables().seed(i))."
            )
        layers = self.layers if self.layers is not None else list(getattr(network, "layers", ()))
        if not layers:
            raise ValueError(f"expected layers to read, got none of {type(network).__name__}. Set `layers`.")
        return check_layers(network, layers)

    @property
    def settings(self) -> dict[str, Any]:
        """All settings as plain data, with the parts that were left to their defaults."""
        parts = {name: describe(getattr(self, name)) for name in PARTS}
        return {**describe(self)["init_args"], **parts}

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings that decide the result, as plain data."""
        return {key: value for key, value in self.settings.items() if key not in INDIFFERENT}

    def samples(self, data: "Data") -> Samples:
        """Divide the data set's samples to explain into players.

        Raises:
            ValueError: The division does not fit the inputs, or 2^n values of all layers do not fit in memory.
        """
        x, y, index = data.explained_samples()
        owner, words = self.players.divide_samples(data, x)
        check_memory(count_players(owner), len(x), len(self.layers or ["one at least"]) + 1)
        filler = self.masker.fill(x, data.baseline)
        names, classes = tuple(self.players.names(data.column_names)), tuple(map(str, data.class_names))
        return Samples(x, y, index, owner, filler, names, classes, tuple(map(tuple, words)))

    def open(self, folder: Path, samples: Samples) -> Samples:
        """Write the settings and samples beside the results, or check that they are those of an earlier start.

        Returns:
            The samples to play: where there are results, those that they were made of.

        Raises:
            ValueError: The folder holds an extraction with other settings or samples.
        """
        path, drawn = folder / "settings.yaml", folder / "samples.safetensors"
        if any(folder.glob("step=*/interactions.safetensors")):
            earlier = {key: value for key, value in read_settings(path).items() if key not in INDIFFERENT}
            decisive = self.decisive
            changed = [key for key in sorted(set(decisive) | set(earlier)) if earlier.get(key) != decisive.get(key)]
            if changed:
                raise ValueError(
                    f"expected the settings of the extraction in {folder}, got other {', '.join(changed)}. Choose "
                    "another name for this one, or delete that folder."
                )
            stored = Samples.load(drawn)
            if difference := samples.difference(stored):
                raise ValueError(
                    f"expected the samples and players of the extraction in {folder} (test samples "
                    f"{stored.index.tolist()}), got test samples {samples.index.tolist()}, which differ in "
                    f"{difference}. Choose another name for this one, or delete that folder. Inputs and fillings of "
                    f"another machine may differ by {ROUNDING:g} of their size, not by more."
                )
            samples = stored
        else:
            samples.save(drawn)
        with writing(path) as temporary:
            temporary.write_text(dump_yaml(self.settings))
        return samples

    def play(
        self,
        network: nn.Module,
        probes: Probes | None,
        layers: Sequence[str],
        samples: Samples,
        done: Callable[[int], None] = lambda _: None,
    ) -> tuple[Tensor, Tensor]:
        """Values `(2**n, layers + 1, samples)` and logits `(samples, classes)`, see `lk.games.play`."""
        return play(
            network,
            probes,
            layers,
            samples.x,
            samples.y,
            samples.owner,
            samples.filler,
            self.score,
            self.background,
            self.batch_size,
            samples.index,
            done,
        )

    def made_from(self, checkpoint: Checkpoint) -> dict[str, str]:
        """Digest of each input of the games.

        The network's weights, the probes, the samples, and the settings of the game.
        """
        own, layers, probes = self.decisive, self.layers_of(checkpoint.network), checkpoint.probes
        linears = {} if probes is None else probes.linears
        parts = {
            f"{layer}/{part}": getattr(linear, part)
            for layer, linear in linears.items()
            if layer in layers
            for part in ("weight", "bias", "mean", "scale")
        }
        game = [
            layers,
            own["score"],
            own["background"],
            digest_files(own["score"]),
            None if probes is None else probes.pooling,
        ]
        return {
            "weights": digest_tensors(checkpoint.network.state_dict()),
            "probes": digest_tensors(parts),
            "samples": checkpoint.explained.digest,
            "game": digest_plain(game),
        }
