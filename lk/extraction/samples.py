"""The samples to explain, divided into players."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from lk.games import count_players
from lk.storage.digest import digest_tensors
from lk.storage.files import available_memory, writing
from lk.storage.stored import expect, read_tensors, texts, write_tensors
from lk.storage.strict_json import damaged
from lk.storage.strict_yaml import dump_yaml, read_yaml

TENSORS = ("x", "y", "index", "owner", "filler")
# Of the largest entry: what decoding, resizing and averaging differ by between machines and numbers of threads.
ROUNDING = 1e-6


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
        words: Names of the players of each sample, where they differ between samples (the words of sentences); empty
            elsewhere.
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

    def select(self, places: Sequence[int]) -> "Samples":
        """Some of the samples, by position."""
        cut = {key: getattr(self, key)[list(places)] for key in TENSORS}
        return replace(self, **cut, words=tuple(self.words[place] for place in places) if self.words else ())

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

        Labels, indices, owners and names must be equal, inputs and fillings equal up to `ROUNDING` of their largest
        entry.
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
                raise ValueError(
                    f"expected words as a list for each of {count} samples, got {type(words).__name__} for {len(words)}"
                )
            players, classes = texts(names.get("players"), "players"), texts(names.get("classes"), "classes")
            if count and not (int(tensors["y"].min()) >= 0 and int(tensors["y"].max()) < max(len(classes), 1)):
                raise ValueError(
                    f"expected labels from 0 to {len(classes) - 1}, got {int(tensors['y'].min())} to "
                    f"{int(tensors['y'].max())}"
                )
            return cls(
                **{key: tensors[key] for key in TENSORS},
                players=players,
                classes=classes,
                words=tuple(texts(row, "words") for row in words),
            )
        except (ValueError, KeyError, IndexError, RuntimeError) as error:
            raise damaged(path, "holds no samples", error, remedy) from error


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
            f"expected at most {max(0, math.floor(most))} players for {samples} samples and {layers} layers in "
            f"{memory / 2**30:.1f} GiB of free memory, got {n}, whose 2^{n} coalitions need about {gigabytes} GiB. "
            "Choose larger patches or fewer players."
        )
