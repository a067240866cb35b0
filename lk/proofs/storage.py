"""Networks and explanations on disk, what certificates speak of: nothing in the files is executed or believed.

`network.safetensors` holds the parameters and the group's Cayley table, `explanation.json` the structure of an
explanation and `explanation.safetensors` its arrays.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lk.groups import Group
from lk.proofs.circuits import GSetCircuit, SidedCircuit, SignTerm
from lk.proofs.explanation import (
    Clusters,
    CosetCluster,
    CosetExplanation,
    FourierExplanation,
    GSetExplanation,
    LookupExplanation,
)
from lk.proofs.tables import Factors, Tables
from lk.storage.files import writing
from lk.storage.stored import read_arrays, write_tensors
from lk.storage.strict_json import damaged, read_json

Explanation = GSetExplanation | FourierExplanation | CosetExplanation | LookupExplanation
REMEDY = "Delete its folder and certify again: analyze.py certify RUN."
_Arrays = dict[str, NDArray[Any]]


def tables_of(parameters: Mapping[str, Tensor], activation: str) -> Tables:
    """The network with these parameters, as `lk.networks.GroupNetwork.stored` names them, of one seed.

    Raises:
        ValueError: a parameter is of a type that float32 cannot hold, or the network cannot be certified.

    Example:
        >>> eye = torch.eye(3)
        >>> arrays = {"embed_left": eye, "embed_right": eye, "unembed": eye, "bias": torch.zeros(3)}
        >>> tables_of(arrays, "relu").factors is None
        True
    """
    kept = (torch.float32, torch.float16, torch.bfloat16)
    other = [f"{name} of {parameter.dtype}" for name, parameter in parameters.items() if parameter.dtype not in kept]
    if other:
        raise ValueError(
            f"expected parameters of float32 or half precision, got {', '.join(other)}. Train with precision 32-true."
        )
    arrays = {name: parameter.float().numpy() for name, parameter in parameters.items()}
    if "weight_left" not in arrays:
        return Tables(arrays["embed_left"], arrays["embed_right"], arrays["unembed"], arrays["bias"], activation)
    factors = Factors(*(arrays[name] for name in ("embed_left", "weight_left", "embed_right", "weight_right")))
    return Tables.fold(factors, arrays["unembed"], arrays["bias"], activation)


def save_network(tables: Tables, group: Group, folder: Path) -> None:
    """Write the stored parameters of a network and the Cayley table of its group: `network.safetensors`."""
    factors = tables.factors
    arrays: _Arrays = {"embed_left": tables.left, "embed_right": tables.right}
    if factors is not None:
        arrays = {
            f"{kind}_{side}": table
            for side in ("left", "right")
            for kind, table in zip(("embed", "weight"), factors.of(side), strict=True)
        }
    arrays |= {"unembed": tables.unembed, "bias": tables.bias, "group": group.table.astype(np.int64)}
    tensors = {name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}
    write_tensors(folder / "network.safetensors", tensors, {"activation": tables.activation})


def save_explanation(explanation: Explanation, folder: Path) -> None:
    """Write an explanation; each file appears whole or not at all.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> save_explanation(FourierExplanation((np.ones((3, 1, 1)),), order=3, width=8), folder)
        >>> load_explanation(folder, order=3, width=8).matrices[0].shape
        (3, 1, 1)
    """
    data: dict[str, Any] = {"kind": type(explanation).__name__, "order": explanation.order, "width": explanation.width}
    arrays: _Arrays = {}

    def put(prefix: str, part: Any) -> None:
        arrays.update({f"{prefix}.{name}": array for name, array in part.arrays().items()})

    if isinstance(explanation, GSetExplanation):
        data["circuits"] = [circuit.name for circuit in explanation.circuits]
        data["signs"] = [term.name for term in explanation.signs]
        data["sided"] = [[circuit.name, circuit.side] for circuit in explanation.sided]
        for kind, parts in (
            ("circuits", explanation.circuits),
            ("signs", explanation.signs),
            ("sided", explanation.sided),
        ):
            for number, part in enumerate(parts):
                put(f"{kind}.{number}", part)
    elif isinstance(explanation, FourierExplanation):
        data |= {
            "matrices": len(explanation.matrices),
            "theta": explanation.theta,
            "clusters": explanation.clusters is not None,
        }
        arrays |= {f"matrices.{number}": matrix for number, matrix in enumerate(explanation.matrices)}
        if explanation.clusters is not None:
            put("clusters", explanation.clusters)
    elif isinstance(explanation, LookupExplanation):
        put("lookups", explanation)
    else:
        data["clusters"] = len(explanation.clusters)
        for number, cluster in enumerate(explanation.clusters):
            put(f"clusters.{number}", cluster)
    tensors = {name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}
    write_tensors(folder / "explanation.safetensors", tensors)
    with writing(folder / "explanation.json") as temporary:
        temporary.write_text(json.dumps(data, indent=2), encoding="utf-8")


def load_explanation(folder: Path, order: int | None = None, width: int | None = None) -> Explanation:
    """Read an explanation.

    Args:
        folder: Where `save_explanation` wrote.
        order: The order that the group has, if it is to be checked.
        width: The width that the network has, if it is to be checked.

    Raises:
        ValueError: the files are no explanation, or one of another group or network.
    """
    data = read_json(folder / "explanation.json", "holds no explanation", REMEDY)
    arrays = read_arrays(folder / "explanation.safetensors", "holds no explanation", REMEDY)
    makers: dict[str, Callable[[dict[str, Any], _Arrays], Explanation]] = {
        "GSetExplanation": _gset,
        "FourierExplanation": _fourier,
        "CosetExplanation": _coset,
        "LookupExplanation": lambda _, arrays: LookupExplanation(**_part(arrays, "lookups")),
    }
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in makers:
        raise ValueError(f"{folder / 'explanation.json'}: expected kind in {list(makers)}, got kind={kind!r}. {REMEDY}")
    try:
        explanation = makers[kind](data, arrays)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise damaged(folder, "holds no explanation", error, REMEDY) from error
    for name, given, expected in (("order", explanation.order, order), ("width", explanation.width, width)):
        if expected is not None and given != expected:
            raise ValueError(f"{folder}: expected {name} {expected} as of the network, got {name}={given}. {REMEDY}")
    return explanation


def _part(arrays: _Arrays, prefix: str) -> _Arrays:
    prefix += "."
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _gset(data: dict[str, Any], arrays: _Arrays) -> Explanation:
    circuits = [
        GSetCircuit(**_part(arrays, f"circuits.{i}"), name=str(name)) for i, name in enumerate(data["circuits"])
    ]
    signs = [SignTerm(**_part(arrays, f"signs.{i}"), name=str(name)) for i, name in enumerate(data["signs"])]  # type: ignore[arg-type]
    sided = [
        SidedCircuit(**_part(arrays, f"sided.{i}"), name=str(name), side=str(side))
        for i, (name, side) in enumerate(data.get("sided", []))
    ]
    return GSetExplanation(tuple(circuits), tuple(signs), int(data["order"]), int(data["width"]), tuple(sided))


def _fourier(data: dict[str, Any], arrays: _Arrays) -> Explanation:
    matrices = tuple(arrays[f"matrices.{i}"] for i in range(int(data["matrices"])))
    clusters = Clusters(**_part(arrays, "clusters")) if data["clusters"] else None
    return FourierExplanation(matrices, int(data["order"]), int(data["width"]), clusters, float(data["theta"]))


def _coset(data: dict[str, Any], arrays: _Arrays) -> Explanation:
    clusters = tuple(CosetCluster(**_part(arrays, f"clusters.{i}")) for i in range(int(data["clusters"])))
    return CosetExplanation(clusters, int(data["order"]), int(data["width"]))
