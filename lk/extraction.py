"""Extraction: games and interactions of fixed samples for one checkpoint, written to files.

One way for all callers: the callback during training, the command afterwards, a notebook.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import Subset

from lk.data import Data
from lk.files import writing
from lk.games import OUTPUT, Players, count_players, play
from lk.games.game import BACKGROUNDS
from lk.games.maskers import Masker, Mean
from lk.interactions import Interactions, interactions_of
from lk.layers import find_layer
from lk.probes import Optimum, Probes, Recipe
from lk.runs import describe, step_name
from lk.scores import Score, TrueClass, predicted

INDIFFERENT = ("batch_size", "name")  # settings that change no result


@dataclass(frozen=True)
class Samples:
    """The samples to explain, with their players.

    Attributes:
        x: Inputs `(samples, *input)`.
        y: Labels `(samples,)`.
        index: Their indices in the test split.
        owner: Owner of every entry.
        filler: What fills absent players, shape of `x`.
        players: Names of the players; empty for patches and words.
        classes: Names of the classes.
        words: Names of the players of each sample, where they differ between samples (the words of sentences); empty elsewhere.
    """

    x: Tensor
    y: Tensor
    index: Tensor
    owner: Tensor
    filler: Tensor
    players: tuple[str, ...]
    classes: tuple[str, ...]
    words: tuple[tuple[str, ...], ...] = ()

    def names(self, sample: int) -> list[str]:
        """Names of the players of one sample, by position; numbers where they have none."""
        return list(self.words[sample] if self.words else self.players) or [f"player {i}" for i in range(count_players(self.owner))]

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        tensors = {key: getattr(self, key).contiguous() for key in ("x", "y", "index", "owner", "filler")}
        # The tensors come last: where they are, the names are too.
        names: dict[str, object] = {"players": list(self.players), "classes": list(self.classes)}
        if self.words:
            names["words"] = [list(words) for words in self.words]
        with writing(path.with_suffix(".yaml")) as temporary:
            temporary.write_text(yaml.safe_dump(names, allow_unicode=True), encoding="utf-8")
        with writing(path) as temporary:
            save_file(tensors, temporary)

    def same_as(self, other: "Samples") -> bool:
        """Whether both explain the same samples by the same players (inputs and fillings may differ by rounding)."""
        return all(torch.equal(getattr(self, key), getattr(other, key)) for key in ("index", "y", "owner"))

    @classmethod
    def load(cls, path: Path) -> "Samples":
        """Read what `save` wrote."""
        try:
            names = yaml.safe_load(path.with_suffix(".yaml").read_text(encoding="utf-8"))
            words = tuple(tuple(row) for row in names.get("words") or ())  # runs of other data have none
            return cls(**load_file(path), players=tuple(names["players"]), classes=tuple(names["classes"]), words=words)
        except (SafetensorError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is truncated or holds no samples ({error}). Delete the folder {path.parent} and extract again."
            ) from error


def available_memory() -> int:
    """Bytes of main memory that are free for use."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


class Extraction:
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

    Raises:
        ValueError: A setting is out of range.
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
    ) -> None:
        if kappa < 0 or gap <= 0 or not 0 <= salience_ratio < 1 or batch_size < 1:
            raise ValueError(
                f"Given kappa={kappa}, gap={gap}, salience_ratio={salience_ratio}, batch_size={batch_size}; "
                "expected kappa >= 0, gap > 0, 0 <= salience_ratio < 1, batch_size >= 1."
            )
        if background not in BACKGROUNDS:
            raise ValueError(f"Given background={background!r}; expected one of {', '.join(BACKGROUNDS)}.")
        if not name or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
            raise ValueError(f"Given name={name!r}; expected letters, digits, '-', '_' and '.' (it becomes a folder).")
        self.players, self.masker, self.score, self.probes = players, masker or Mean(), score or TrueClass(), probes or Optimum()
        self.background, self.layers, self.kappa, self.gap = background, list(layers) if layers is not None else None, kappa, gap
        self.salience_ratio, self.batch_size, self.name = salience_ratio, batch_size, name

    def layers_of(self, network: nn.Module) -> list[str]:
        """The layers to read, checked against the network."""
        if (seeds := getattr(network, "seeds", 1)) > 1:
            raise ValueError(
                f"{type(network).__name__} holds {seeds} networks; interactions read one. Train with seeds: 1, or pass one of them: "
                "network.tables().seed(i).network()."
            )
        layers = self.layers if self.layers is not None else list(getattr(network, "layers", ()))
        if not layers:
            raise ValueError(f"{type(network).__name__} names no layers to read; set `layers`.")
        for layer in layers:
            find_layer(network, layer)
        repeated = sorted({layer for layer in layers if layers.count(layer) > 1 or layer == OUTPUT})
        if repeated:
            raise ValueError(
                f"Given layers={layers}; expected each once and without {OUTPUT!r}, which is always read. Leave out: {repeated}."
            )
        return layers

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings that decide the result, as plain data."""
        return {key: value for key, value in describe(self)["init_args"].items() if key not in INDIFFERENT}

    def samples(self, data: Data) -> Samples:
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

    def open(self, folder: Path, samples: Samples) -> None:
        """Write the settings and samples beside the results, or check that they are those of an earlier start.

        Raises:
            ValueError: The folder holds an extraction with other settings.
        """
        settings, decisive = describe(self)["init_args"], self.decisive
        path = folder / "settings.yaml"
        if path.is_file():
            earlier = {key: value for key, value in (yaml.safe_load(path.read_text()) or {}).items() if key not in INDIFFERENT}
            changed = [key for key in sorted(set(decisive) | set(earlier)) if earlier.get(key) != decisive.get(key)]
            if changed and any(folder.glob("step=*/interactions.safetensors")):
                raise ValueError(
                    f"{folder} holds an extraction with other settings ({', '.join(changed)} differ). Choose another name for this one, "
                    "or delete that folder."
                )
            if changed:
                _forget_values(folder)
        drawn = folder / "samples.safetensors"
        if not any(folder.glob("step=*/interactions.safetensors")):
            if drawn.is_file() and not samples.same_as(Samples.load(drawn)):
                _forget_values(folder)
            samples.save(drawn)
        elif not samples.same_as(stored := Samples.load(drawn)):
            raise ValueError(
                f"{folder} holds an extraction of other samples or players (test samples {stored.index.tolist()}, given "
                f"{samples.index.tolist()}). Choose another name for this one, or delete that folder."
            )
        with writing(path) as temporary:
            temporary.write_text(yaml.safe_dump(settings, sort_keys=False))

    def run(
        self,
        network: nn.Module,
        probes: Probes | None,
        samples: Samples,
        folder: Path,
        step: int,
        epoch: float,
        done: Callable[[int], None] = lambda _: None,
    ) -> Interactions:
        """Play, decompose and write one checkpoint; what is already written, games or all, is read instead.

        Args:
            network: The frozen network (see `frozen`).
            probes: Its probes.
            samples: Samples to explain.
            folder: Folder of the extraction.
            step: Global step of the checkpoint.
            epoch: Epochs trained, may be a fraction.
            done: Called with the number of masked samples after each forward pass.
        """
        place = folder / step_name(step)
        if (place / "interactions.safetensors").is_file():
            return Interactions.load(place / "interactions.safetensors")
        layers = self.layers_of(network)
        games = place / "values.safetensors"
        if not games.is_file():
            start = time.perf_counter()
            values, logits = play(
                network, probes, layers, samples.x, samples.y, samples.owner, samples.filler, self.score,
                self.background, self.batch_size, samples.index, done,
            )  # fmt: skip
            seconds = torch.tensor(time.perf_counter() - start)
            with writing(games) as temporary:  # an extraction that is stopped while it decomposes need not play again
                save_file({"values": values, "logits": logits, "seconds": seconds}, temporary)
        played, start = load_file(games), time.perf_counter()
        found = interactions_of(
            played["values"], [*layers, OUTPUT], self.kappa, self.gap,
            step=step, epoch=epoch, players=list(samples.players), labels=samples.y.tolist(), samples=samples.index.tolist(),
            correct=(predicted(played["logits"]) == samples.y).tolist(), salience_ratio=self.salience_ratio,
            versions={package: version(package) for package in ("layerwise-knowledge", "torch")},
        )  # fmt: skip
        found.about["seconds"] = {"play": float(played["seconds"]), "decompose": time.perf_counter() - start}
        found.save(place / "interactions.safetensors")
        return found


def _forget_values(folder: Path) -> None:
    """Delete games without interactions: they were played with other settings or samples."""
    for path in folder.glob("step=*/values.safetensors"):
        if not (path.parent / "interactions.safetensors").is_file():
            path.unlink()


def check_memory(n: int, samples: int, layers: int) -> None:
    """Refuse games of so many layers (the output included) whose values and effects do not fit in memory.

    One value needs 4 bytes, and the decomposition works on about 16 times as much in double precision; games are
    decomposed in chunks, so that the whole table counts six times.
    """
    per_coalition = samples * layers * 4 * 6
    memory = available_memory()
    # Compared as logarithms: 2^n of a thousand patches overflows a float.
    most = math.log2(memory / per_coalition)
    if n > most:
        gigabytes = f"{2.0**n * per_coalition / 2**30:,.1f}" if n < 64 else f"2^{n + math.log2(per_coalition / 2**30):.0f}"
        raise ValueError(
            f"{n} players give 2^{n} coalitions: {samples} samples and {layers} layers need about {gigabytes} GiB, "
            f"and {memory / 2**30:.1f} GiB are free. At most {max(0, math.floor(most))} players fit; "
            "choose larger patches or fewer players."
        )


def fit_probes(recipe: Recipe, network: nn.Module, layers: Sequence[str], data: Data) -> Probes:
    """Fit probes on the data set's training samples: the first `max_samples` of a seeded order, in a fixed order."""
    total = len(Data.labels(data.train))
    order = torch.randperm(total, generator=torch.Generator().manual_seed(recipe.seed))[: recipe.max_samples].sort().values
    batches = data.batches(Subset(data.train, order.tolist()), 256)
    with torch.random.fork_rng():  # a loader draws a base seed from the global stream
        probes = recipe.fit(network, layers, batches, data.num_classes)
    probes.recipe = describe(recipe)
    return probes
