"""Tampering with one part of an explanation: actions, kernels, shares, labels and neurons."""

import numpy as np
from tampering.stored import pick, width


def parts(given, *kinds):
    """Prefixes of the parts of an explanation that are not dropped."""
    if "explanation.safetensors" not in given.files or given.about["dropped"]:
        return []
    keys = {".".join(name.split(".")[:2]) for name in given.arrays("explanation.safetensors")}
    return sorted(key for key in keys if key.split(".")[0] in kinds and key.split(".")[1].isdigit())


def in_part(kinds, change):
    """Sealed: an array of one part changed; `change` returns its name and the new array, or None."""

    def tamper(rng, given, _):
        found = parts(given, *kinds)
        if not found:
            return False
        prefix, arrays = pick(rng, found), given.arrays("explanation.safetensors")
        part = {
            name.removeprefix(prefix + "."): array for name, array in arrays.items() if name.startswith(prefix + ".")
        }
        changed = change(rng, part, given)
        if changed is None:
            return False
        given.change("explanation.safetensors", f"{prefix}.{changed[0]}", changed[1])
        leave_open(given)
        given.seal()
        return True

    return tamper


def leave_open(given):
    """List those neurons as unexplained that are in no part, so that nothing but the part is false."""
    arrays, m = given.arrays("explanation.safetensors"), width(given)
    sided = given.about["verifier"] == "gset"
    found = [
        array for name, array in arrays.items() if name.endswith(".neurons") and (sided or not name.startswith("sided"))
    ]
    if given.about["verifier"] in ("gset", "irrep", "separable", "coset"):
        given.about["unexplained"] = sorted({*range(m)} - set(np.concatenate(found).tolist()))


def acts(action, table):
    e = int(np.flatnonzero((table == np.arange(len(table))).all(1))[0])
    inside = ((action >= 0) & (action < action.shape[1])).all()
    return inside and (action[e] == np.arange(action.shape[1])).all() and (action[table] == action[:, action]).all()


def an_action(change):
    def tamper(rng, part, given):
        name = pick(rng, [name for name in ("action", "action_x", "action_y") if name in part])
        table = given.arrays("network")["group"]
        changed = change(rng, part[name].copy(), table)
        return None if acts(changed, table) else (name, changed)

    return tamper


def entry(rng, action, _):
    action[tuple(rng.integers(size) for size in action.shape)] = rng.integers(-1, action.shape[1] + 1)
    return action


def constant(rng, action, _):
    return np.full_like(action, rng.integers(action.shape[1]))


def inverted(_, action, table):
    e = int(np.flatnonzero((table == np.arange(len(table))).all(1))[0])
    return action[np.argmax(table == e, 1)]


def kernel(rng, part, _):
    """Not constant on the orbit of one cell, over all elements."""
    changed = part["kernel"].copy()
    p, q = (rng.integers(size) for size in changed.shape)
    changed[p, q] += pick(rng, [1.0, 2.0**-40, -changed[p, q], np.spacing(changed[p, q])])
    moved = changed[part["action_x"][:, :, None], part["action_y"][:, None]]
    return None if (moved == changed).all() else ("kernel", changed)


def share(rng, part, _):
    """A negative share."""
    changed = part["weights"].copy()
    changed[rng.integers(len(changed))] *= -0.1
    return "weights", changed


def no_share(rng, part, _):
    """No share for a cell that counts."""
    labels = next(
        labels
        for labels in (("p", "q"), ("column", "p"), ("left_signs", "right_signs"))
        if all(name in part for name in labels)
    )
    if ("kernel" in part and not part["kernel"].all()) or not part.get("both", 1) or not part.get("mixed", 1):
        return None
    changed = part["weights"].copy()
    cell = rng.integers(len(changed))
    changed[np.all([part[name] == part[name][cell] for name in labels], 0)] = 0
    return "weights", changed


def shared_label(name, values):
    """A label out of range, of a neuron whose cell has another one."""

    def tamper(rng, part, _):
        cells = part["p"] * (part["q"].max() + 1) + part["q"]
        places = [i for i in range(len(cells)) if (cells == cells[i]).sum() > 1]
        changed = part[name].copy()
        changed[pick(rng, places)] = pick(rng, values(part))
        return name, changed

    return tamper


def one(name, values):
    """One entry out of range."""

    def tamper(rng, part, given):
        changed = part[name].copy()
        changed[tuple(rng.integers(size) for size in changed.shape)] = pick(rng, values(part, given))
        return name, changed

    return tamper


def twice(rng, part, _):
    changed = part["neurons"].copy()
    if len(changed) < 2:
        return None
    a, b = rng.choice(len(changed), 2, replace=False)
    changed[a] = changed[b]
    return "neurons", changed


def of_two_parts(rng, given, _):
    """Sealed: a neuron of two parts."""
    found = parts(given, "circuits", "signs", "sided", "clusters")
    if len(found) < 2:
        return False
    a, b = rng.choice(found, 2, replace=False)
    arrays = given.arrays("explanation.safetensors")
    arrays[f"{a}.neurons"][rng.integers(len(arrays[f"{a}.neurons"]))] = pick(rng, arrays[f"{b}.neurons"])
    given.store("explanation.safetensors", arrays)
    leave_open(given)
    given.seal()
    return True


def character(rng, part, given):
    """No homomorphism, over all pairs of elements."""
    changed, table = part["character"].copy(), given.arrays("network")["group"]
    changed[rng.integers(len(changed))] *= pick(rng, [-1, 0, 2])
    if rng.random() < 0.3:
        return "character", 0 * changed
    return None if (changed[table] == changed[:, None] * changed).all() else ("character", changed)
