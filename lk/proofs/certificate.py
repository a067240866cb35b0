"""What a verifier returns: the proven bound, and everything needed to see where it is lost."""

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lk.proofs.rounding import Floats
from lk.storage.files import writing
from lk.storage.stored import read_arrays, read_header, write_tensors
from lk.storage.strict_json import damaged, read_json

FORMAT = 2  # of certificate.json
_PACKAGES = {"lk": "layerwise-knowledge", "numpy": "numpy", "numba": "numba"}


@dataclass(frozen=True, eq=False)
class Certificate:
    """A proven statement about a network on all n^2 pairs.

    Attributes:
        verifier: Name of the verifier (tier).
        slack: Proven lower bounds of f(xy|x,y) - max over z != xy of f(z|x,y), shape `(n, n)`, unit of logits; a pair
            is certified if its slack is positive. Minus infinity where nothing is known.
        operations: Arithmetic operations of the verifier, a multiply-add counting once.
        brute_force_operations: The same for brute force, n^3 m.
        seconds: Wall time of the verifier.
        accuracy: The true accuracy, where the verifier finds it.
        margin: Gap of the ideal network that the explanation describes, where there is one.
        unexplained: Neurons that the explanation leaves out.
        dropped: Parts of the explanation that were refused, with the reason.
        tiers: For a cascade: bound and operations after each tier, `(name, bound, operations, seconds)`.

    Example:
        >>> slack = np.array([[1.0, 2.0], [-1.0, 3.0]])
        >>> certificate = Certificate("example", slack, operations=4, brute_force_operations=8, seconds=0.1)
        >>> certificate.bound, certificate.cost
        (0.75, 0.5)
    """

    verifier: str
    slack: Floats
    operations: int
    brute_force_operations: int
    seconds: float
    accuracy: float | None = None
    margin: float | None = None
    unexplained: tuple[int, ...] = ()
    dropped: tuple[str, ...] = ()
    tiers: tuple[tuple[str, float, int, float], ...] = ()
    losses: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.accuracy is not None and not self.bound <= self.accuracy:
            raise ValueError(
                f"expected a bound of at most the exact accuracy {self.accuracy}, got {self.bound} from "
                f"{self.verifier}. This is a fault of the verifier: report it with the network and the explanation."
            )
        if self.slack.ndim != 2 or self.slack.shape[0] != self.slack.shape[1] or np.isnan(self.slack).any():
            raise ValueError(
                f"expected a number, not NaN, for each of n x n pairs, got slack.shape={self.slack.shape} with "
                f"{int(np.isnan(self.slack).sum())} NaN. Use -inf for pairs without a bound."
            )
        object.__setattr__(self, "losses", loss_bounds(self.slack))

    @property
    def certified(self) -> NDArray[np.bool_]:
        """Pairs on which the network is proven right, shape `(n, n)`."""
        return self.slack > 0.0

    @property
    def bound(self) -> float:
        """The share of certified pairs, at most the true accuracy."""
        return float(self.certified.mean())

    @property
    def loss_bound(self) -> float:
        """An upper bound of the mean cross-entropy in nats; infinite where a pair has no slack at all."""
        return float(self.losses.mean() * (1.0 + 1e-9))

    @property
    def cost(self) -> float:
        """Operations relative to brute force."""
        return self.operations / self.brute_force_operations

    @property
    def error_quantiles(self) -> dict[str, float]:
        """Quantiles over pairs of what the proof loses: ideal margin minus slack. Empty without a margin."""
        if self.margin is None:
            return {}
        errors = self.margin - self.slack
        return (
            {f"{share:.0%}": float(np.quantile(errors, share)) for share in (0.0, 0.1, 0.5, 0.9, 1.0)}
            if np.isfinite(errors).all()
            else {}
        )

    def summary(self) -> dict[str, Any]:
        """All scalars, as plain data; infinite numbers become None."""
        scalars = {
            "verifier": self.verifier,
            "bound": self.bound,
            "accuracy": self.accuracy,
            "loss_bound": self.loss_bound,
            "margin": self.margin,
            "error_quantiles": self.error_quantiles,
            "operations": self.operations,
            "brute_force_operations": self.brute_force_operations,
            "cost": self.cost,
            "seconds": self.seconds,
            "unexplained": list(self.unexplained),
            "dropped": list(self.dropped),
            "tiers": [list(tier) for tier in self.tiers],
        }
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in scalars.items()
        }

    def save(self, folder: Path, activation: str) -> None:
        """Write `slack.safetensors`, then `certificate.json`.

        Which names what it speaks of by the digests of the files.

        Args:
            folder: Its own; an explanation is written there before, the network (`network.safetensors`) into the folder
                above.
            activation: The network's.

        Raises:
            ValueError: the network is missing, or of another order or activation.
        """
        folder = folder.resolve()
        _check_network(folder, self.slack.shape, activation, "Write it with lk.proofs.save_network first.")
        write_tensors(folder / "slack.safetensors", {"slack": torch.from_numpy(np.ascontiguousarray(self.slack))})
        data = self.summary() | {
            "format": FORMAT,
            "activation": activation,
            "files": {
                name: digest_file(path) for name, path in _files(folder, self.verifier).items() if path.is_file()
            },
            "versions": {name: version(package) for name, package in _PACKAGES.items()},
        }
        with writing(folder / "certificate.json") as temporary:
            temporary.write_text(
                json.dumps(data | {"digest": digest_entries(data)}, indent=2, allow_nan=False), encoding="utf-8"
            )

    @classmethod
    def load(cls, folder: Path) -> "Certificate":
        """Read what `save` wrote. It is data, not a proof.

        Run the verifier again, or `lk/proofs/checker.py`, to believe it.

        Digests find accidents and edits by hand; who edits a file can compute them anew.

        Raises:
            ValueError: A file is missing, damaged, holds something else, or was changed after the certificate was
                written.
        """
        folder = folder.resolve()
        path, remedy = folder / "certificate.json", "Delete its folder and certify again: analyze.py certify RUN."
        data = read_json(path, "holds no certificate", remedy)
        _check_identity(data, folder, remedy)
        slack = read_arrays(folder / "slack.safetensors", "holds no certificate", remedy).get("slack", np.zeros(0))
        try:
            for name in ("operations", "brute_force_operations"):
                if type(data[name]) is not int or data[name] < 0:
                    raise ValueError(f"expected {name} as a number of operations, got {str(data[name])[:60]}")
            for name in ("accuracy", "margin"):
                if data[name] is not None and type(data[name]) not in (int, float):
                    raise ValueError(f"expected {name} as a number, got {str(data[name])[:60]}")
            _check_network(folder, slack.shape, data["activation"], remedy)
            if slack.dtype.kind != "f":
                raise ValueError(f"expected slack as real numbers, got {slack.dtype}")
            return cls(
                verifier=str(data["verifier"]),
                slack=slack,
                operations=data["operations"],
                brute_force_operations=data["brute_force_operations"],
                seconds=float(data["seconds"]),
                accuracy=data["accuracy"],
                margin=data["margin"],
                unexplained=tuple(map(int, data["unexplained"])),
                dropped=tuple(map(str, data["dropped"])),
                tiers=tuple(
                    (str(name), float(bound), int(operations), float(seconds))
                    for name, bound, operations, seconds in data["tiers"]
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, "holds no certificate", error, remedy) from error


def _files(folder: Path, verifier: str) -> dict[str, Path]:
    """What a certificate in a folder speaks of, by the names in its entry `files`.

    A cascade reads the explanations of its neighbours.
    """
    places = [f"../{name}/" for name in ("gset", "schur", "lookup")] if verifier == "cascade" else [""]
    names = [f"{place}explanation.{kind}" for place in places for kind in ("json", "safetensors")]
    return {"network": folder.parent / "network.safetensors", "slack": folder / "slack.safetensors"} | {
        name: folder / name for name in names
    }


def _check_network(folder: Path, shape: tuple[int, ...], activation: object, remedy: str) -> None:
    """Raise unless the network beside a certificate has its order and activation."""
    path = folder.parent / "network.safetensors"
    if not path.is_file():
        raise ValueError(f"expected the network of {folder} in {path}, got no such file. {remedy}")
    header = read_header(path, "holds no network", remedy)
    order = read_arrays(path, "holds no network", remedy).get("group", np.zeros(0)).shape
    if (order, header.get("activation")) != (shape, activation):
        raise ValueError(
            f"expected the network in {path} to have slack of shape {order} and activation {header.get('activation')}, "
            f"got {shape} and {activation} in {folder}. {remedy}"
        )


def digest_file(path: Path) -> str:
    """SHA-256 of the bytes of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_entries(data: dict[str, Any]) -> str:
    """SHA-256 of the entries of a certificate but `digest`, as JSON with sorted keys and no spaces.

    Example:
        >>> digest_entries({"b": 1, "a": 2}) == digest_entries({"a": 2, "b": 1, "digest": "any"})
        True
    """
    rest = {key: value for key, value in data.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def _check_identity(data: dict[str, Any], folder: Path, remedy: str) -> None:
    path = folder / "certificate.json"
    if data.get("format") != FORMAT:
        raise ValueError(
            f"expected certificate format {FORMAT} in {path}, got {str(data.get('format'))[:20]}: another version of "
            f"lk. {remedy}"
        )
    if not isinstance(data.get("files"), dict) or data.get("digest") != digest_entries(data):
        raise ValueError(f"expected {path} as it was written, got other entries: its digest does not fit. {remedy}")
    for name, file in _files(folder, str(data.get("verifier"))).items():
        found = digest_file(file) if file.is_file() else None
        if found != data["files"].get(name):
            raise ValueError(
                f"expected the {file.name} that {path} speaks of, got {'another' if found else 'none'}. {remedy}"
            )


def loss_bounds(slack: Floats) -> Floats:
    r"""Upper bounds of the cross-entropy of each pair in nats, from lower bounds g of its logit gap, of either sign.

    .. math:: \log\Big(1 + \sum_{z \ne xy} e^{f(z) - f(xy)}\Big) \le \log\big(1 + (n - 1) e^{-g}\big)

    The exponential and logarithm of the C library are taken to be right to 1e-9, far above their errors of some 1e-16.

    Example:
        >>> loss_bounds(np.zeros((2, 2)))[0, 0].round(6)
        np.float64(0.693147)
    """
    others = len(slack) - 1
    if others == 0:
        return np.zeros_like(slack)
    # The exponential of -700 and less underflows in places: what is left out is below 1e-300.
    return np.asarray(np.logaddexp(0.0, np.log(others) - slack) + 1e-300)
