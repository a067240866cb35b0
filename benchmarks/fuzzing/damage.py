"""Damage to one file of a run folder, or to one entry of a configuration."""

import json

import pandas as pd
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file

VALUES = (
    None,
    "",
    "text",
    "lk.games.Grid",
    "a.b.C",
    -1,
    0,
    3,
    10**40,
    1e308,
    -0.5,
    float("nan"),
    float("inf"),
    True,
    [],
    [1, 2],
    ["a"],
    {},
    {"a": 1},
    {"class_path": "os.system"},
    {"class_path": "lk.games.Grid", "init_args": {"patch": 2}},
    {"class_path": "lk.games.Gird"},
    [[[]]],
    "☃\u2028",
)


def flip(rng, content):
    """Some bytes changed."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 3, 20))):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def cut(rng, content):
    """The end missing."""
    return content[: rng.randrange(len(content) + 1)]


def swap(rng, content):
    """Something else altogether."""
    return rng.choice(
        (
            b"",
            b"\x00" * 64,
            b"[]",
            b"3",
            b"text",
            b"{}",
            b"null",
            rng.randbytes(200),
            b"\xff\xfe",
            b"- a\n- b\n",
            content * 2,
        )
    )


BYTES = (flip, cut, swap)


def places(config, path=()):
    """Every path to an entry of nested mappings and lists."""
    items = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutate(rng, config):
    """One entry removed, renamed or replaced."""
    found = list(places(config))
    if not found:
        return rng.choice(VALUES)
    *parents, last = rng.choice(found)
    place = config
    for key in parents:
        place = place[key]
    way = rng.choice(("replace", "replace", "replace", "remove", "rename"))
    if way == "replace":
        place[last] = rng.choice(VALUES)
    elif way == "remove" or isinstance(place, list):
        del place[last]
    else:
        place[f"{last}x"] = place.pop(last)
    return config


def in_yaml(rng, path):
    """A YAML file with one entry changed, or hostile as a whole."""
    if rng.random() < 0.2:
        text = path.read_text()
        path.write_text(
            rng.choice(
                (
                    "[" * 3000,
                    "&a [*a]",
                    "a: &a {b: *a}",
                    text + text,
                    text + "\n" + text.splitlines()[0],
                    "a: !!python/object:os.system {}",
                    "x0: &x0 [1]\n" + "\n".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 12)),
                    "? [a, b]\n: c\n",
                    "a: 2001-99-99",
                    "a: !!int ''",
                    "a: !!binary '###'",
                    "a" * 10_000_000,
                    "a: \x00",
                    "%YAML 9.9\n---\na",
                )
            )
        )
    else:
        path.write_text(yaml.safe_dump(mutate(rng, yaml.safe_load(path.read_text())), sort_keys=False))


def in_json(rng, path):
    """A JSON file with one entry changed, or hostile as a whole."""
    if rng.random() < 0.2:
        path.write_text(
            rng.choice(("[" * 100_000, '{"a": 1, "a": 2}', '{"kind": NaN}', "{" * 5, '{"kind": ["GSetExplanation"]}'))
        )
    else:
        path.write_text(json.dumps(mutate(rng, json.loads(path.read_text()))))


def in_tensors(rng, path):
    """A safetensors file with a tensor or an entry of its header changed."""
    with safe_open(path, "pt") as file:
        about = dict(file.metadata() or {})
    tensors = load_file(path)
    if about and rng.random() < 0.5:
        key = rng.choice(sorted(about))
        try:
            value = json.loads(about[key])
        except ValueError:
            value = about[key]
        value = (
            rng.choice(VALUES)
            if rng.random() < 0.3
            else mutate(rng, value)
            if isinstance(value, dict | list)
            else rng.choice(VALUES)
        )
        about[key] = json.dumps(value)
        if rng.random() < 0.2:
            del about[key]
    else:
        key = rng.choice(sorted(tensors))
        own = tensors[key]
        way = rng.choice(("remove", "nan", "shape", "type", "rename", "empty", "large"))
        if way in ("remove", "rename"):
            del tensors[key]
            if way == "rename":
                tensors[f"{key}x"] = own
        elif way == "nan" and own.is_floating_point() and own.numel():
            own.view(-1)[rng.randrange(own.numel())] = rng.choice((float("nan"), float("inf")))
        elif way == "shape":
            tensors[key] = own.reshape(-1)[: max(1, own.numel() // 2)].contiguous()
        elif way == "type":
            tensors[key] = (own.double() * 0 + 1).to(
                rng.choice((torch.float64, torch.int32, torch.bool, torch.complex64, torch.bfloat16))
            )
        elif way == "empty":
            tensors[key] = own.reshape(-1)[:0].contiguous()
        elif own.dtype != torch.bool:
            tensors[key] = own * 0 + 100
    save_file(tensors, path, about)


def in_table(rng, path):
    """A Parquet table with a column changed, or one that unfolds."""
    frame = pd.read_parquet(path)
    way = rng.choice(("drop", "rename", "type", "empty", "long", "nan", "index"))
    column = rng.choice(list(frame.columns))
    if way == "drop":
        frame = frame.drop(columns=column)
    elif way == "rename":
        frame = frame.rename(columns={column: f"{column}x"})
    elif way == "type":
        frame[column] = rng.choice(("text", b"bytes", 3.5, True, None))
    elif way == "empty":
        frame = frame.iloc[:0]
    elif way == "long":
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pa.table({"x": pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int8()), ["a"])})
        with pq.ParquetWriter(path, rows.schema) as writer:
            for _ in range(60):
                writer.write_table(pa.concat_tables([rows] * 1000), row_group_size=10**6)
        return
    elif way == "nan":
        frame.loc[frame.index[: rng.randrange(len(frame) + 1)], column] = None
    else:
        frame = frame.set_index(column)
    frame.to_parquet(path)


def in_checkpoint(rng, path):
    """A checkpoint with an entry changed."""
    stored = torch.load(path, weights_only=True)
    way = rng.choice(("entry", "weights", "list", "epoch", "nan", "lk"))
    weights = stored["state_dict"]
    key = rng.choice(sorted(weights))
    if way == "entry":
        del stored[rng.choice(sorted(stored))]
    elif way == "weights":
        weights[key] = rng.choice(
            (3, "text", None, torch.zeros(1), torch.zeros(1).expand(10**9), torch.zeros(2, dtype=torch.complex64))
        )
    elif way == "list":
        stored = rng.choice(([1], torch.zeros(2), {"state_dict": []}, {"state_dict": {1: 2}, "epoch": 1}))
    elif way == "nan":
        weights[key] = weights[key] * float("nan")
    else:
        stored[way] = rng.choice((None, "x", float("nan"), {"epoch": "x"}, {"epoch": None}, [1], -1))
    torch.save(stored, path)


def in_resume_point(rng, path):
    """A resume point with an entry changed, anywhere in it but in tensors."""
    stored = torch.load(path, weights_only=True)
    place, thing = [], stored
    while isinstance(thing, dict | list) and thing and (not place or rng.random() < 0.8):
        key = rng.choice(list(thing) if isinstance(thing, dict) else range(len(thing)))
        place.append((thing, key))
        thing = thing[key]
    owner, key = place[-1]
    if not isinstance(thing, torch.Tensor):
        owner[key] = rng.choice(VALUES)
    torch.save(stored, path)


INSIDE = {
    ".yaml": in_yaml,
    ".json": in_json,
    ".safetensors": in_tensors,
    ".parquet": in_table,
    ".ckpt": in_checkpoint,
    "last.ckpt": in_resume_point,
}
KINDS = {
    "last.ckpt": "resume point",
    ".yaml": "YAML",
    ".json": "JSON",
    ".safetensors": "safetensors",
    ".parquet": "Parquet",
    ".ckpt": "checkpoint",
}
