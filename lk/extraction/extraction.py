"""Extraction: games and interactions of fixed samples for one checkpoint, written to files.

One way for all callers: the callback during training, the command afterwards, a notebook.
"""

import json
import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Subset

from lk.data import Data
from lk.games import OUTPUT, Players, count_players, play
from lk.games.game import BACKGROUNDS, check_layers
from lk.games.maskers import Masker, Mean
from lk.interactions import Interactions, Origin, interactions_of
from lk.probes import Optimum, Probes, Recipe
from lk.runs import read_settings, step_name
from lk.scores import Score, TrueClass, predicted
from lk.storage.describe import Recorded, describe
from lk.storage.digest import digest_files, digest_plain, digest_tensors
from lk.storage.files import available_memory, writing
from lk.storage.stored import damaged, expect, parse_json, read_tensors, texts, write_tensors
from lk.storage.strict_yaml import dump_yaml, read_yaml

PARTS = ("players", "masker", "score", "probes")
INDIFFERENT = ("batch_size", "name")  # settings that change no result
TENSORS = ("x", "y", "index", "owner", "filler")
ROUNDING = 1e-6  # of the largest entry: what decoding, resizing and averaging differ by between machines and numbers of threads


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
        return list(self.words[sample] if self.words else self.players) or [
            f"player {i}" for i in range(count_players(self.owner))
        ]

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        tensors = {key: getattr(self, key) for key in TENSORS}
        # The tensors come last: where they are, the names are too.
        names: dict[str, object] = {"players": list(self.players), "classes": list(self.classes)}
        if self.words:
            names["words"] = [list(words) for words in self.words]
        with writing(path.with_suffix(".yaml")) as temporary:
            temporary.write_text(dump_yaml(names), encoding="utf-8")
        write_tensors(path, tensors)

    def difference(self, other: "Samples") -> str:
        """What tells two sets of samples apart; empty where they are the same.

        Labels, indices, owners and names must be equal, inputs and fillings equal up to `ROUNDING` of their largest entry.
        """
        for key in TENSORS:
            a, b = getattr(self, key), getattr(other, key)
            if a.shape != b.shape or a.is_floating_point() != b.is_floating_point():
                return f"{key} of shape {tuple(b.shape)} and {tuple(a.shape)}"
            if not a.is_floating_point():
                if not torch.equal(a, b):
                    return f"{key} of {int((a != b).reshape(len(a), -1).any(1).sum())} of {len(a)} samples"
            elif not torch.equal(a, b) and (largest := float((a.double() - b.double()).abs().max())) > ROUNDING * float(
                b.abs().max()
            ):
                return f"{key} by up to {largest:.3g}"
        return next((key for key in ("players", "classes", "words") if getattr(self, key) != getattr(other, key)), "")

    @property
    def digest(self) -> str:
        """Digest of all tensors, bit for bit."""
        return digest_tensors({key: getattr(self, key) for key in TENSORS})

    @classmethod
    def load(cls, path: Path) -> "Samples":
        """Read what `save` wrote.

        Raises:
            ValueError: A file is missing, damaged, or holds something else.
        """
        remedy = f"Delete the folder {path.parent} and extract again."
        if not path.is_file():
            raise ValueError(f"{path} is missing. {remedy}")
        names = read_yaml(path.with_suffix(".yaml"), remedy)
        tensors, _ = read_tensors(path, "holds no samples", remedy)
        try:
            expect(tensors, dict.fromkeys(("y", "index"), ("whole", (None,))))
            count, shape = len(tensors["y"]), tuple(tensors["x"].shape)
            kind = "real" if tensors["x"].is_floating_point() else "whole"
            expect(tensors, {"index": ("whole", (count,)), "x": (kind, (count, *shape[1:])), "filler": (kind, shape)})
            owner = tensors["owner"]
            expect(tensors, {"owner": ("whole", (count, *owner.shape[1:]))})
            torch.broadcast_shapes(owner.shape, shape)
            words = names.get("words") or []  # runs of other data have none
            if not isinstance(words, list) or len(words) not in (0, count):
                raise ValueError(f"expected words as a list for each of {count} samples")
            players, classes = texts(names.get("players"), "players"), texts(names.get("classes"), "classes")
            if count and not (int(tensors["y"].min()) >= 0 and int(tensors["y"].max()) < max(len(classes), 1)):
                raise ValueError(f"expected labels from 0 to {len(classes) - 1}")
            return cls(
                **{key: tensors[key] for key in TENSORS},
                players=players,
                classes=classes,
                words=tuple(texts(row, "words") for row in words),
            )
        except (ValueError, KeyError, IndexError, RuntimeError) as error:
            raise damaged(path, "holds no samples", error, remedy) from error


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
        for part in PARTS:
            # Results are told apart by their settings: what cannot be written into settings.yaml is refused before any work.
            try:
                describe(getattr(self, part))
            except ValueError as error:
                raise ValueError(f"Given {part}={type(getattr(self, part)).__name__}: {error}") from error

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
                    f"{folder} holds an extraction with other settings ({', '.join(changed)} differ). Choose another name for this one, "
                    "or delete that folder."
                )
            stored = Samples.load(drawn)
            if difference := samples.difference(stored):
                raise ValueError(
                    f"{folder} holds an extraction of other samples or players (test samples {stored.index.tolist()}, given "
                    f"{samples.index.tolist()}; they differ in {difference}). Choose another name for this one, or delete that folder. "
                    f"Inputs and fillings of another machine may differ by {ROUNDING:g} of their size, not by more."
                )
            samples = stored
        else:
            samples.save(drawn)
        with writing(path) as temporary:
            temporary.write_text(dump_yaml(self.settings))
        return samples

    def made_from(self, network: nn.Module, probes: Probes | None, samples: Samples) -> dict[str, str]:
        """Digests of everything that games are made from: the network's weights, the probes, the samples, and the settings of the game."""
        own, layers = self.decisive, self.layers_of(network)
        linears = (
            {} if probes is None else {layer: probes.linears[layer] for layer in layers if layer in probes.linears}
        )
        parts = {
            f"{layer}/{part}": getattr(linear, part)
            for layer, linear in linears.items()
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
            "weights": digest_tensors(network.state_dict()),
            "probes": digest_tensors(parts),
            "samples": samples.digest,
            "game": digest_plain(game),
        }

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
        place, layers = folder / step_name(step), self.layers_of(network)
        made_from = self.made_from(network, probes, samples)
        decomposed = {**made_from, "decomposition": digest_plain([self.kappa, self.gap, self.salience_ratio])}
        if (place / "interactions.safetensors").is_file():
            stored = Interactions.load(place / "interactions.safetensors")
            if stored.origin.made_from in (None, decomposed):  # None: written before digests were kept
                return stored
            tell_changes(place, stored.origin.made_from, decomposed)
        games = place / "values.safetensors"
        shape = (2 ** count_players(samples.owner), len(layers) + 1, len(samples.y))
        played = read_games(games) if games.is_file() else None
        if played is None or played["made_from"] != made_from or played["values"].shape != shape:
            start = time.perf_counter()
            values, logits = play(
                network, probes, layers, samples.x, samples.y, samples.owner, samples.filler, self.score,
                self.background, self.batch_size, samples.index, done,
            )  # fmt: skip
            seconds = torch.tensor(time.perf_counter() - start)
            # An extraction that is stopped while it decomposes need not play again.
            write_tensors(
                games, {"values": values, "logits": logits, "seconds": seconds}, {"made_from": json.dumps(made_from)}
            )
            played = read_games(games, shape)
        start = time.perf_counter()
        found = interactions_of(
            played["values"], [*layers, OUTPUT], self.kappa, self.gap,
            step=step, epoch=epoch, players=samples.players, labels=samples.y, samples=samples.index,
            correct=predicted(played["logits"]) == samples.y, salience_ratio=self.salience_ratio,
        )  # fmt: skip
        origin = Origin(
            seconds={"play": float(played["seconds"]), "decompose": time.perf_counter() - start},
            versions={package: version(package) for package in ("layerwise-knowledge", "torch")},
            threads=torch.get_num_threads(),
            made_from=decomposed,
        )
        found = replace(found, origin=origin)
        found.save(place / "interactions.safetensors")
        return found


def read_games(path: Path, shape: tuple[int, int, int] | None = None) -> dict[str, Any]:
    """Stored games: `values` `(2**n, layers, samples)`; where they are stored, `logits`, `seconds` and `made_from` (else None).

    Args:
        path: Their file.
        shape: The shape that the values must have.

    Raises:
        ValueError: The file is damaged, or holds games of another shape.
    """
    remedy = "Delete its folder and extract again: analyze.py extract RUN."
    tensors, about = read_tensors(path, "holds no games", remedy)
    try:
        expect(tensors, {"values": ("real", shape or (None, None, None))})
        size = len(tensors["values"])
        if size & (size - 1):
            raise ValueError(f"expected values of 2^n coalitions, got {size}")
        if "logits" in tensors:
            expect(tensors, {"logits": ("real", (tensors["values"].shape[2], None))})
        made_from = parse_json(about.get("made_from", "null"))
    except ValueError as error:
        raise damaged(path, "holds no games", error, remedy) from error
    return {"logits": None, "seconds": torch.tensor(0.0), **tensors, "made_from": made_from}


def tell_changes(place: Path, before: object, now: dict[str, str]) -> None:
    """Warn that a stored result is made again, and because of what."""
    changed = [key for key in now if not isinstance(before, dict) or before.get(key) != now[key]]
    warnings.warn(f"{place} was made from other {', '.join(changed)}; it is made again.", stacklevel=3)


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
        gigabytes = (
            f"{2.0**n * per_coalition / 2**30:,.1f}" if n < 64 else f"2^{n + math.log2(per_coalition / 2**30):.0f}"
        )
        raise ValueError(
            f"{n} players give 2^{n} coalitions: {samples} samples and {layers} layers need about {gigabytes} GiB, "
            f"and {memory / 2**30:.1f} GiB are free. At most {max(0, math.floor(most))} players fit; "
            "choose larger patches or fewer players."
        )


def drawn_samples(recipe: Recipe, data: Data) -> Tensor:
    """Indices of the training samples that a recipe fits on: the first `max_samples` of a seeded order, ascending."""
    total = len(Data.labels(data.train))
    return (
        torch.randperm(total, generator=torch.Generator().manual_seed(recipe.seed))[: recipe.max_samples].sort().values
    )


def fitted_on(recipe: Recipe, network: nn.Module, data: Data) -> dict[str, str]:
    """Digests of what probes are fitted on: the network's weights, and the labels of the samples that the recipe draws.

    The inputs of these samples are not read: that is the larger part of the work. The explained ones are compared where games are stored.
    """
    index = drawn_samples(recipe, data)
    return {
        "weights": digest_tensors(network.state_dict()),
        "labels": digest_tensors({"index": index, "y": Data.labels(data.train)[index]}),
    }


def fit_probes(recipe: Recipe, network: nn.Module, layers: Sequence[str], data: Data) -> Probes:
    """Fit probes on the training samples that the recipe draws, in a fixed order."""
    batches = data.batches(Subset(data.train, drawn_samples(recipe, data).tolist()), 256)
    with torch.random.fork_rng():  # a loader draws a base seed from the global stream
        probes = recipe.fit(network, layers, batches, data.num_classes)
    probes.recipe, probes.made_from = describe(recipe), fitted_on(recipe, network, data)
    return probes
