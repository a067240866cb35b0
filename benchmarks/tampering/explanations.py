"""Tampering with an explanation as a whole: its arrays, its kind, its matrices and look-ups."""

import json
import math

import numpy as np
from tampering.stored import pick


def not_finite(rng, given, _):
    """Sealed: a number of an explanation is NaN or infinite."""
    if "explanation.safetensors" not in given.files or given.about["dropped"]:
        return False
    arrays = given.arrays("explanation.safetensors")
    names = [name for name, array in arrays.items() if array.dtype == float and array.size]
    if not names:
        return False
    name = pick(rng, names)
    arrays[name].flat[rng.integers(arrays[name].size)] = pick(rng, [math.nan, math.inf, -math.inf])
    given.store("explanation.safetensors", arrays)
    given.seal()
    return True


def an_array(how, files=("network", "explanation.safetensors")):
    """Sealed: an array of an explanation or network is missing, one too many, of another type, or of another shape."""
    return lambda rng, given, _: array_changed(rng, given, how, files)


def array_changed(rng, given, how, files):
    name = pick(rng, [name for name in files if name in given.files] or [""])
    arrays = given.arrays(name) if name else {}
    if not arrays or given.about["dropped"]:
        return False
    key = pick(rng, sorted(arrays))
    if how == 0:
        del arrays[key]
    elif how == 1:
        arrays["more"] = arrays[key]
    elif how == 2:
        arrays[key] = arrays[key].astype(np.int64 if arrays[key].dtype.kind == "f" else np.float64)
    elif how == 3 or not arrays[key].ndim or len(arrays[key]) < 2:
        arrays[key] = arrays[key][..., None]
    else:
        arrays[key] = arrays[key][:-1]
    given.store(name, arrays)
    given.seal()
    return True


def another_side(rng, given, _):
    """Sealed: a circuit of a side that there is not."""
    said = json.loads(given.files.get("explanation.json", b"{}"))
    if not said.get("sided"):
        return False
    given.explanation(sided=[[name, pick(rng, ["both", "Left", ""])] for name, _ in said["sided"]])
    given.seal()
    return True


def about_explanation(rng, given, _):
    """Sealed: the explanation says it is of another kind, size or side, or theta is no share."""
    if "explanation.json" not in given.files:
        return False
    said = json.loads(given.files["explanation.json"])
    choices = [{"kind": "LookupExplanation" if said["kind"] != "LookupExplanation" else "GSetExplanation"}]
    choices += [{"order": said["order"] + 1}, {"width": said["width"] + 1}]
    given.explanation(**pick(rng, choices))
    given.seal()
    return True


def theta(rng, given, _):
    """Sealed: theta is no share."""
    if '"theta"' not in given.files.get("explanation.json", b"").decode():
        return False
    given.explanation(theta=pick(rng, [-0.1, 1.1]))
    given.seal()
    return True


def explanation_of_another(_, given, other):
    """Sealed: an explanation of another verifier or network.

    Which leaves other neurons open or has another size or kind.
    """
    names = ("explanation.json", "explanation.safetensors")
    if not all(name in stored.files for stored in (given, other) for name in names):
        return False
    said, own = (json.loads(stored.files[names[0]]) for stored in (other, given))
    alike = all(said[key] == own[key] for key in ("kind", "order", "width"))
    if alike and (
        said["kind"] not in ("GSetExplanation", "CosetExplanation") or given.about["dropped"] or other.about["dropped"]
    ):
        return False
    if alike and (
        given.about["unexplained"] == other.about["unexplained"] or given.about["verifier"] != other.about["verifier"]
    ):
        return False
    for name in names:
        given.files[name] = other.files[name]
    given.seal()
    return True


def explanation_removed(_rng, given, _):
    """Sealed: a verifier that reads an explanation without one, or the other way round."""
    if "explanation.json" in given.files:
        del given.files["explanation.json"], given.files["explanation.safetensors"]
    else:
        given.about["verifier"] = "gset"
    given.seal()
    return True


def drop_forgotten(_rng, given, _):
    """Sealed: a part that fails and is not named as dropped."""
    if not given.about["dropped"] or given.about["verifier"] not in ("gset", "irrep", "separable", "coset"):
        return False
    given.about["dropped"] = []
    given.seal()
    return True


def matrix_shape(rng, given, _):
    """Sealed: a representation with too few elements or unequal sides; directions or labels that do not fit."""
    arrays = given.arrays("explanation.safetensors") if "explanation.safetensors" in given.files else {}
    names = [name for name in arrays if name.startswith("matrices.")]
    if not names:
        return False
    name = pick(rng, names)
    if "clusters.labels" in arrays and rng.random() < 0.5:
        name = "clusters.labels"
        arrays[name][rng.integers(len(arrays[name]))] = pick(rng, [-2, arrays["clusters.directions"].shape[1]])
    elif arrays[name].shape[1] > 1 and rng.random() < 0.5:
        arrays[name] = arrays[name][:, 1:]
    else:
        arrays[name] = arrays[name][1:]
    given.store("explanation.safetensors", arrays)
    given.seal()
    return True


def row_looked_up(rng, given, _):
    """Sealed: a look-up of a row that there is not."""
    arrays = given.arrays("explanation.safetensors") if given.about["verifier"] == "lookup" else {}
    if "lookups.assign" not in arrays or not arrays["lookups.assign"].size:
        return False
    arrays["lookups.assign"].flat[rng.integers(arrays["lookups.assign"].size)] = pick(
        rng, [-1, len(arrays["lookups.columns"])]
    )
    given.store("explanation.safetensors", arrays)
    given.seal()
    return True
