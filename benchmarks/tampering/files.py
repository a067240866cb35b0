"""Tampering with files: bytes, formats and headers.

Each attack returns whether it found something to change, and leaves behind what is known to be false.
"""

import json
import struct

from tampering.stored import pick, width


def bit_flipped(rng, given, _):
    """Unsealed: one bit of one file."""
    name = pick(rng, sorted(given.files))
    data = bytearray(given.files[name])
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    given.files[name] = bytes(data)
    return True


def truncated(rng, given, _):
    """Sealed or not: the end of a file is missing."""
    name = pick(rng, sorted(given.files))
    given.files[name] = given.files[name][: rng.integers(len(given.files[name]))]
    if rng.random() < 0.7:
        given.seal()
    return True


def missing(rng, given, _):
    """Unsealed: a file is missing."""
    del given.files[pick(rng, sorted(given.files))]
    return True


def swapped(rng, given, other):
    """Unsealed: files of another certificate."""
    names = [name for name in given.files if name in other.files and given.files[name] != other.files[name]]
    if names:
        name = pick(rng, names)
        given.files[name] = other.files[name]
    return bool(names)


def another_format(rng, given, _):
    """Sealed: a certificate of another format."""
    given.about["format"] = pick(rng, [1, 3, "2", None])
    given.seal()
    return True


def key_twice(rng, given, _):
    """Sealed: a key of a JSON file stands twice, so that two readers may see two values."""
    if "explanation.json" in given.files and rng.random() < 0.5:
        text = given.files["explanation.json"].decode().rstrip()
        given.files["explanation.json"] = (text[:-1] + ', "width": ' + str(width(given)) + "}").encode()
        given.seal()
        return True
    return "{" + f'"bound": {1 - given.about["bound"]}, ' + json.dumps(given.about)[1:]


def reseal_header(given, name, header, body):
    """A safetensors file of this header and these bytes."""
    line = header if isinstance(header, bytes) else json.dumps(header).encode()
    given.files[name] = struct.pack("<Q", len(line)) + line + body
    given.seal()
    return True


def header_changed(rng, given, _):
    """Sealed: a safetensors file with trailing bytes, a hole, two arrays in one place, or sizes that do not fit."""
    name = pick(rng, [name for name in given.files if name != "explanation.json"])
    data = given.files[name]
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:start]), data[start:]
    keys = [key for key in header if key != "__metadata__" and header[key]["data_offsets"][1]]
    if not keys:
        return False
    key = pick(rng, keys)
    first, last = header[key]["data_offsets"]
    how = rng.integers(6)
    if how == 0:
        body += bytes(rng.integers(1, 9))
    elif how == 1:
        for entry_ in (
            entry_ for entry_ in header.values() if "data_offsets" in entry_ and entry_["data_offsets"][0] >= first
        ):
            entry_["data_offsets"] = [offset + 8 for offset in entry_["data_offsets"]]
        body = body[:first] + bytes(8) + body[first:]
    elif how == 2:
        header["again"] = header[key]
    elif how == 3:
        header[key]["shape"] = [*header[key]["shape"], -1, -1]
    elif how == 4:
        header[key]["data_offsets"] = [first, last - 1] if rng.random() < 0.5 else [first + 1, last]
    else:
        twice_ = json.dumps(header)
        return reseal_header(given, name, (twice_[:-1] + f', "{key}": {json.dumps(header[key])}' + "}").encode(), body)
    return reseal_header(given, name, header, body)
