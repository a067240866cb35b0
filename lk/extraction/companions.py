"""Companions of the interactions: what layers are usually compared by, of the same network at the same checkpoint.

One pass of a few test samples gives the Gram matrix of every layer. Debiased CKA, effective rank and kNN accuracy are
functions of it, and so is CKA between checkpoints and between runs.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import Subset

from lk.extraction.checkpoint import Checkpoint
from lk.extraction.extraction import Extraction
from lk.games import OUTPUT
from lk.layers import device_of, read_layers
from lk.metrics import cka, effective_rank, knn_accuracy
from lk.probes.probes import pooled
from lk.runs import Run
from lk.scores import class_numbers
from lk.storage.digest import digest_plain, digest_tensors
from lk.storage.stored import expect, read_tensors, texts, write_tensors
from lk.storage.strict_json import damaged, parse_json

FILE = "companions.safetensors"
SAMPLES = 512  # a Gram matrix of a layer is 1 MB
NEIGHBOURS = 5
REMEDY = "Delete it and extract again: analyze.py extract RUN."


@dataclass(frozen=True, eq=False)
class Companions:
    """Gram matrices of all layers of a checkpoint, on test samples drawn with seed 0.

    Attributes:
        grams: Layer to inner products of centred features, float32, `(samples, samples)`; the output's are of logits.
        y: Labels `(samples,)`.
        index: Indices in the test split.
        made_from: Digests of weights, samples, layers and pooling.
    """

    grams: dict[str, Tensor]
    y: Tensor
    index: Tensor
    made_from: dict[str, str]

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        tensors = {"y": self.y, "index": self.index, **{f"gram/{name}": gram for name, gram in self.grams.items()}}
        write_tensors(path, tensors, {"layers": json.dumps(list(self.grams)), "made_from": json.dumps(self.made_from)})

    @classmethod
    def load(cls, path: Path) -> "Companions":
        """Read what `save` wrote.

        Raises:
            ValueError: The file is damaged, or holds something else.
        """
        tensors, header = read_tensors(path, "holds no Gram matrices", REMEDY)
        try:
            layers, made_from = texts(parse_json(header["layers"]), "layers"), parse_json(header["made_from"])
            expect(tensors, {"y": ("whole", (None,))})
            count = len(tensors["y"])
            expect(tensors, {"index": ("whole", (count,))})
            expect(tensors, {f"gram/{layer}": ("real", (count, count)) for layer in layers})
        except (ValueError, KeyError) as error:
            raise damaged(path, "holds no Gram matrices", error, REMEDY) from error
        return cls({layer: tensors[f"gram/{layer}"] for layer in layers}, tensors["y"], tensors["index"], made_from)


def companions(checkpoint: Checkpoint, extraction: Extraction) -> Companions:
    """The companions of a frozen checkpoint; stored ones of the same network are read."""
    network, data, path = checkpoint.network, checkpoint.data, checkpoint.folder(extraction.name) / FILE
    layers, pooling = extraction.layers_of(network), extraction.probes.pooling
    labels = class_numbers(data.labels(data.test))
    index = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))[:SAMPLES].sort().values
    made_from = {
        "weights": digest_tensors(network.state_dict()),
        "samples": digest_tensors({"index": index, "y": labels[index]}),
        "layers": digest_plain([layers, pooling]),
    }
    if path.is_file() and (stored := Companions.load(path)).made_from == made_from:
        return stored
    batches = data.batches(Subset(data.test, index.tolist()), 256)
    found = Companions(grams_of(network, layers, pooling, batches), labels[index], index, made_from)
    found.save(path)
    return found


@torch.inference_mode()
def grams_of(
    network: nn.Module, layers: Sequence[str], pooling: str, batches: Iterable[tuple[Tensor, Tensor]]
) -> dict[str, Tensor]:
    """Inner products of the centred features of every layer and of the logits, float32, from one pass."""
    features: dict[str, list[Tensor]] = {name: [] for name in (*layers, OUTPUT)}
    for x, _ in batches:
        with read_layers(network, layers) as activations:
            output = network(x.to(device_of(network)))
        for name in layers:
            features[name].append(pooled(activations[name], pooling).clone())
        features[OUTPUT].append(output)
    found = {}
    for name in list(features):
        x = torch.cat(features.pop(name)).double()
        x = x - x.mean(0)
        found[name] = (x @ x.T).float().cpu()
    return found


def cka_between(one: Companions, other: Companions) -> pd.DataFrame:
    """Debiased linear CKA of every layer of one checkpoint with every layer of another, of any run on the same data.

    Returns:
        One row per pair: layer, other, cka.

    Raises:
        ValueError: The samples differ.
    """
    if not torch.equal(one.index, other.index) or not torch.equal(one.y, other.y):
        raise ValueError(
            f"expected Gram matrices of the same test samples, got {len(one.y)} and {len(other.y)} with other indices "
            "or labels. Compare runs on one data set and test split."
        )
    rows = [(a, b, cka(k, lower)) for a, k in one.grams.items() for b, lower in other.grams.items()]
    return pd.DataFrame(rows, columns=["layer", "other", "cka"])


def companion_tables(run: Run, name: str) -> dict[str, pd.DataFrame]:
    """Tables of all checkpoints that have companions: `companions` and `cka`; none without.

    `companions`: step, epoch, layer, depth, effective_rank, knn_accuracy, cka_output (with the output), cka_before (of
    the layer with itself at the checkpoint before; NaN at the first), samples. `cka`: step, layer, other, cka of each
    pair of layers.
    """
    rows, pairs, before = [], [], None
    for step, path in run.extracted(name).items():
        place = path.parent / FILE
        if not place.is_file():
            continue
        found = Companions.load(place)
        known = cka_of_pairs(found)
        pairs.append(known.assign(step=step))
        to_output = known[known["other"] == OUTPUT].set_index("layer")["cka"].to_dict()
        for layer, gram in found.grams.items():
            same = before is not None and layer in before.grams and torch.equal(before.index, found.index)
            rows.append(
                {
                    "step": step,
                    "layer": layer,
                    "depth": list(found.grams).index(layer) / max(1, len(found.grams) - 1),
                    "effective_rank": effective_rank(gram),
                    "knn_accuracy": knn_accuracy(gram, found.y, min(NEIGHBOURS, len(gram) - 1)),
                    "cka_output": to_output.get(layer, 1.0),
                    "cka_before": cka(gram, before.grams[layer]) if same and before is not None else float("nan"),
                    "samples": len(gram),
                }
            )
        before = found
    return {"companions": pd.DataFrame(rows), "cka": pd.concat(pairs, ignore_index=True)} if rows else {}


def cka_of_pairs(found: Companions) -> pd.DataFrame:
    """Debiased CKA of each pair of layers of one checkpoint, the earlier layer first: layer, other, cka."""
    rows = [(a, b, cka(found.grams[a], found.grams[b])) for a, b in combinations(found.grams, 2)]
    return pd.DataFrame(rows, columns=["layer", "other", "cka"])
