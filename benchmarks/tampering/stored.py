"""A stored certificate in memory: its entries, its files, and what is known about them without the checker."""

import hashlib
import json
import math
from fractions import Fraction

import numpy as np
from safetensors.numpy import load, save

ACTIVATIONS = {"relu": lambda t: max(t, 0), "abs": abs, "square": lambda t: t * t}


class Stored:
    """A certificate in memory: entries of certificate.json, and the bytes of each file that it names."""

    def __init__(self, about, files):
        self.about, self.files = about, files

    @classmethod
    def read(cls, folder):
        about = json.loads((folder / "certificate.json").read_text())
        return cls(about, {name: (folder / cls.path(name)).read_bytes() for name in about["files"]})

    @staticmethod
    def path(name):
        return {"network": "../network.safetensors", "slack": "slack.safetensors"}.get(name, name)

    def write(self, folder, text=None):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (folder / self.path(name)).write_bytes(data)
        (folder / "certificate.json").write_text(json.dumps(self.about) if text is None else text)

    def arrays(self, name):
        return {key: array.copy() for key, array in sorted(load(self.files[name]).items())}

    def store(self, name, arrays):
        self.files[name] = save({key: np.array(array, order="C") for key, array in arrays.items()})

    def change(self, name, key, array):
        self.store(name, self.arrays(name) | {key: array})

    def explanation(self, **entries):
        self.files["explanation.json"] = json.dumps(json.loads(self.files["explanation.json"]) | entries).encode()

    @property
    def slack(self):
        return self.arrays("slack")["slack"]

    def seal(self):
        """Compute every digest anew."""
        self.about["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}
        self.about.pop("digest", None)
        line = json.dumps(self.about, sort_keys=True, separators=(",", ":"))
        self.about["digest"] = hashlib.sha256(line.encode()).hexdigest()
        return self

    def follow(self):
        """Compute the numbers that follow from the slack anew, so that only what was changed is false."""
        slack, about = self.slack, self.about
        odds = np.log(max(len(slack) - 1, 1e-300)) - slack
        loss = float(np.logaddexp(0.0, odds).mean())
        about |= {
            "bound": float((slack > 0).mean()),
            "loss_bound": loss if math.isfinite(loss) else None,
            "error_quantiles": {},
        }
        about |= {"accuracy": None, "tiers": []}

    def gap(self, x, y):
        """f(xy|x,y) - max over z != xy of f(z|x,y), in fractions."""
        given = {
            name: [[Fraction(float(v)) for v in row] for row in np.atleast_2d(a)]
            for name, a in self.parameters(x, y).items()
        }
        hidden = []
        for side in ("left", "right"):
            row = given[f"embed_{side}"][0]
            if f"weight_{side}" in given:
                row = [
                    sum(a * b for a, b in zip(row, column, strict=True))
                    for column in zip(*given[f"weight_{side}"], strict=True)
                ]
            hidden.append(row)
        act = ACTIVATIONS[self.about["activation"]]
        h = [act(a + b) for a, b in zip(*hidden, strict=True)]
        logits = [
            sum(a * b for a, b in zip(h, row, strict=True)) + b
            for row, b in zip(given["unembed"], given["bias"][0], strict=True)
        ]
        right = logits.pop(int(self.arrays("network")["group"][x, y]))
        return right - max(logits)

    def parameters(self, x, y):
        arrays = {name: array for name, array in self.arrays("network").items() if name != "group"}
        return arrays | {"embed_left": arrays["embed_left"][x], "embed_right": arrays["embed_right"][y]}

    def false_claim(self):
        """Whether some slack is above the true gap: guessed in floats, decided in fractions."""
        a = {name: array.astype(float) for name, array in self.arrays("network").items() if name != "group"}
        left, right = (
            a[f"embed_{s}"] @ a[f"weight_{s}"] if f"weight_{s}" in a else a[f"embed_{s}"] for s in ("left", "right")
        )
        h = left[:, None] + right[None]
        h = {"relu": np.maximum(h, 0), "abs": np.abs(h), "square": h * h}[self.about["activation"]]
        logits, table = h @ a["unembed"].T + a["bias"], self.arrays("network")["group"][..., None]
        own = np.take_along_axis(logits, table, 2)[..., 0].copy()
        np.put_along_axis(logits, table, -np.inf, 2)
        x, y = np.unravel_index(np.argmax(self.slack - (own - logits.max(2))), own.shape)
        return Fraction(float(self.slack[x, y])) > self.gap(x, y) if np.isfinite(self.slack[x, y]) else False


def pick(rng, given):
    return given[rng.integers(len(given))]


def width(given):
    return given.arrays("network")["unembed"].shape[1]
