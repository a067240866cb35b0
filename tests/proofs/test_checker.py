"""The outside checker: alone, through `analyze.py check`, on true certificates and on false ones with fresh digests."""

import ast
import dataclasses
import hashlib
import importlib.util
import json
import math
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file, save_file

import lk.proofs
from lk.cli import analyze, train
from lk.finders import ideal, rho_set
from lk.groups import Cyclic, Symmetric, irreps
from lk.proofs import Certificate, Factors, Tables, brute_force, gset, save_explanation, save_network
from lk.proofs.certificate import digest_entries
from lk.proofs.equivariance import on_orbitals
from lk.runs import Run

CHECKER = Path(lk.proofs.__file__).with_name("checker.py")

CONFIG = """
seed_everything: 3
data:
  class_path: lk.data.GroupTable
  init_args: {group: {class_path: lk.groups.Symmetric, init_args: {n: 3}}, steps_per_epoch: 40, train_fraction: 0.9}
model:
  network: {class_path: lk.networks.GroupNetwork, init_args: {width: 16, embedding: 8, seeds: 2, first_seed: 5}}
optimizer: {class_path: lk.tasks.Adam, init_args: {lr: 0.02, betas: [0.9, 0.98], weight_decay: 0.0002}}
trainer:
  accelerator: cpu
  max_epochs: 5
  enable_model_summary: false
  enable_progress_bar: false
  logger: false
  callbacks:
    - class_path: lk.callbacks.SaveCheckpoints
      init_args: {every_n_epochs: 0, early: 0, log_spaced: 2, weights_only: true}
"""


@pytest.fixture(scope="module")
def check():
    """The checker as a module, loaded from its file."""
    spec = importlib.util.spec_from_file_location("outside_checker", CHECKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run with certificates of two networks; not to be changed."""
    folder = tmp_path_factory.mktemp("runs")
    config = yaml.safe_load(CONFIG)
    config["trainer"]["callbacks"].append({"class_path": "lk.callbacks.Certify", "init_args": {"seeds": 1}})
    (folder / "s3.yaml").write_text(yaml.safe_dump(config))
    train(["fit", "--config", str(folder / "s3.yaml"), "--runs_dir", str(folder), "--id", "s3", "--report", "false"])
    return folder / "s3"


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it."""
    return Run(shutil.copytree(trained, tmp_path / "s3"))


def seal(folder):
    """Compute every digest of a certificate anew."""
    data = json.loads((folder / "certificate.json").read_text())
    for name in data["files"]:
        path = folder / {"network": "../network.safetensors", "slack": "slack.safetensors"}.get(name, name)
        data["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "certificate.json").write_text(json.dumps(data | {"digest": digest_entries(data)}))


def edit(folder, **entries):
    path = folder / "certificate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def change(path, name, function):
    arrays = load_file(path)
    arrays[name] = np.ascontiguousarray(function(arrays[name].copy()))
    save_file(arrays, path)


def at(array, place, value):
    array[place] = value
    return array


def written(folder, tables, group, *found):
    """Certificates of a network, each with its explanation or None, in a folder of the verifier's name."""
    save_network(tables, group, folder)
    for certificate, explanation in found:
        if explanation is not None:
            save_explanation(explanation, folder / certificate.verifier)
        certificate.save(folder / certificate.verifier, tables.activation)
    return folder


@pytest.fixture
def explained(tmp_path):
    """Certificates of an ideal network on S3, one with its explanation."""
    group = Symmetric(3)
    two = next(r for r in irreps(group) if r.dimension == 2)
    involution = next(g for g in range(6) if group.element_orders[g] == 2)
    part = rho_set(group, two.matrices, np.array([group.identity, involution]), np.array([0.3, 1.0]), name="two")
    part = dataclasses.replace(part, kernel=on_orbitals(part, group))  # as stored: constant to the last bit
    tables, explanation = ideal(group, [part], width=12)
    return written(
        tmp_path / "seed=0000",
        tables,
        group,
        (brute_force(tables, group), None),
        (gset(tables, group, explanation), explanation),
    )


# ---- the file
def test_it_is_short_and_needs_the_standard_library_alone():
    source = CHECKER.read_text()
    assert len(source.splitlines()) <= 300
    nodes = list(ast.walk(ast.parse(source)))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert named
    assert {name.split(".")[0] for name in named} <= sys.stdlib_module_names
    assert not {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)} & {
        "exec",
        "eval",
        "__import__",
    }


def test_it_runs_alone(run):
    words = [sys.executable, "-I", "-S", str(CHECKER), str(run.path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * 6 + 1
    assert all("36 of 36 pairs" in line for line in lines[:-1])
    assert lines[-1] == "12 certificates: 12 accepted, 0 refused."
    done = subprocess.run([*words, "--pairs", "7", "--seed", "3"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "7 of 36 pairs" in done.stdout


def test_nothing_to_check_is_no_success(check, tmp_path, capsys):
    assert check.main([str(tmp_path)]) == 1
    assert "0 certificates" in capsys.readouterr().out


# ---- the mathematics
@pytest.mark.parametrize("activation", ["relu", "abs", "square"])
@pytest.mark.parametrize("linear", [True, False])
def test_gaps_are_those_of_fractions(check, tmp_path, activation, linear):
    rng = np.random.default_rng([linear, len(activation)])
    group, n, m, d = Symmetric(3), 6, 5, 4

    def numbers(*shape):
        return (rng.normal(size=shape) * 2.0 ** rng.integers(-60, 60, shape)).astype(np.float32)

    stored = {name: numbers(n, d if linear else m) for name in ("embed_left", "embed_right")}
    stored |= {name: numbers(d, m) for name in ("weight_left", "weight_right")} if linear else {}
    stored |= {"unembed": numbers(n, m), "bias": numbers(n)}
    stored["unembed"][0, 0], stored["unembed"][1, 1] = 2.0**-149, 0.0
    save_file(stored | {"group": np.array(group.table)}, tmp_path / "network.safetensors")
    network = check.Network((tmp_path / "network.safetensors").read_bytes(), activation, 0, 0)
    sides = [(stored[f"embed_{side}"], stored.get(f"weight_{side}", np.eye(m))) for side in ("left", "right")]

    def exact(array):
        return [[Fraction(float(v)) for v in row] for row in np.atleast_2d(array)]

    left, right = (
        [[sum(map(lambda a, b: a * b, r, c)) for c in zip(*exact(w), strict=True)] for r in exact(e)] for e, w in sides
    )
    act = {"relu": lambda t: max(t, 0), "abs": abs, "square": lambda t: t * t}[activation]
    u, (b,) = exact(stored["unembed"]), exact(stored["bias"])
    for x in range(n):
        for y in range(n):
            h = [act(p + q) for p, q in zip(left[x], right[y], strict=True)]
            logits = [sum((v * t for v, t in zip(row, h, strict=True)), b[z]) for z, row in enumerate(u)]
            own = logits.pop(int(group.table[x, y]))
            assert Fraction(network.gaps[n * x + y]) / 2**network.shift == own - max(logits)


@pytest.mark.parametrize(
    "table",
    [
        np.outer(range(5), range(5)) % 5,  # associative with identity, without inverses
        (np.arange(5)[:, None] - np.arange(5)) % 5,  # a Latin square without identity
        [
            [0, 1, 2, 3, 4],
            [1, 0, 3, 4, 2],
            [2, 4, 0, 1, 3],
            [3, 2, 4, 0, 1],
            [4, 3, 1, 2, 0],
        ],  # a loop that is not associative
        [[0, 1], [1, 2]],
    ],
)
def test_tables_of_no_group_are_refused(check, table):
    with pytest.raises((ValueError, IndexError)):
        check.Group([tuple(map(int, row)) for row in table])


def test_the_trivial_group_has_no_rival(check, tmp_path):
    group, one = Cyclic(1), np.ones((1, 1))
    folder = written(
        tmp_path,
        Tables(one, one, one, np.zeros(1)),
        group,
        (brute_force(Tables(one, one, one, np.zeros(1)), group), None),
    )
    assert check.examine(folder / "brute_force", {}, 0, 0).startswith("bound 1.0000")


def test_a_tie_of_the_stored_parameters_is_no_answer(check, tmp_path):
    """The product of these in float32 is right on a third of the pairs; of the stored numbers, every pair is a tie."""
    group = Cyclic(2)
    factors = Factors(
        np.array([[1, 2.0**-12]] * 2), np.array([[1, 1], [0, 2.0**-13]]), np.zeros((2, 2)), np.zeros((2, 2))
    )
    unembed = np.array([[0, 0], [0, 0.0]])
    tables = Tables.fold(factors, unembed, np.zeros(2))
    claimed = Certificate(
        "brute_force", np.full((2, 2), 2.0**-60), operations=16, brute_force_operations=16, seconds=0.1
    )
    folder = written(tmp_path, tables, group, (claimed, None))
    with pytest.raises(ValueError, match="below its slack"):
        check.examine(folder / "brute_force", {}, 0, 0)


# ---- false claims, every digest computed anew
def raise_slack(folder):
    """By one step of the numbers, above the gap."""
    slack, network = load_file(folder / "slack.safetensors")["slack"], load_file(folder / "../network.safetensors")
    h = np.maximum(network["embed_left"].astype(float)[1] + network["embed_right"].astype(float)[2], 0)
    logits = network["unembed"].astype(float) @ h + network["bias"]
    own = int(network["group"][1, 2])
    gap = logits[own] - np.delete(logits, own).max()
    slack[1, 2] = gap + 1e-12
    data = json.loads((folder / "certificate.json").read_text())
    fresh = Certificate(
        data["verifier"],
        slack,
        data["operations"],
        data["brute_force_operations"],
        data["seconds"],
        None,
        data["margin"],
    )
    save_file({"slack": slack}, folder / "slack.safetensors")
    keys = ("bound", "loss_bound", "error_quantiles", "accuracy", "tiers")
    edit(folder, **{key: value for key, value in fresh.summary().items() if key in keys})


def negative_shares(folder):
    change(folder / "explanation.safetensors", "circuits.0.weights", lambda a: -a)


FALSE = {
    "slack": (raise_slack, "below its slack"),
    "no number": (
        lambda f: change(f / "slack.safetensors", "slack", lambda a: at(a, (0, 0), math.nan)),
        "not what the slack gives",
    ),
    "bound": (lambda f: edit(f, bound=0.5), "bound"),
    "cost": (lambda f: edit(f, cost=0.01), "cost"),
    "loss": (lambda f: edit(f, loss_bound=1e-9), "loss_bound"),
    "operations": (lambda f: edit(f, operations=1), "cost"),
    "unexplained": (lambda f: edit(f, unexplained=[]), "explained by no part"),
    "activation": (lambda f: edit(f, activation="gelu"), "gelu"),
    "format": (lambda f: edit(f, format=1), "not those that were certified"),
    "group": (
        lambda f: change(f.parent / "network.safetensors", "group", lambda a: a[:, [1, 0, 2, 3, 4, 5]]),
        "index out of range",
    ),
    "weights": (lambda f: change(f.parent / "network.safetensors", "unembed", lambda a: a[::-1]), "below its slack"),
    "action": (
        lambda f: change(f / "explanation.safetensors", "circuits.0.action_x", lambda a: at(a, (1, 0), a[1, 1])),
        "no action",
    ),
    "kernel": (
        lambda f: change(f / "explanation.safetensors", "circuits.0.kernel", lambda a: at(a, (0, 1), 7.0)),
        "orbitals",
    ),
    "shares": (negative_shares, "share"),
    "labels": (lambda f: change(f / "explanation.safetensors", "circuits.0.p", lambda a: at(a, 0, 3)), "label"),
    "neurons": (
        lambda f: change(f / "explanation.safetensors", "circuits.0.neurons", lambda a: at(a, 0, a[1])),
        "neurons",
    ),
    "shape": (lambda f: change(f / "explanation.safetensors", "circuits.0.lam", lambda a: a[:2]), "shape"),
    "not finite": (
        lambda f: change(f / "explanation.safetensors", "circuits.0.mu", lambda a: at(a, 0, math.inf)),
        "finite",
    ),
    "kind": (
        lambda f: (f / "explanation.json").write_text('{"kind": "CosetExplanation", "order": 6, "width": 12}'),
        "kind",
    ),
    "key twice": (
        lambda f: (f / "explanation.json").write_text('{"kind": "GSetExplanation", "kind": "GSetExplanation"}'),
        "twice",
    ),
}


@pytest.mark.parametrize("kind", FALSE)
def test_what_is_false_is_refused(check, explained, kind):
    folder = explained / "gset"
    assert "1 of 1 parts" in check.examine(folder, {}, 0, 0)
    tamper, reason = FALSE[kind]
    tamper(folder)
    seal(folder)
    with pytest.raises(Exception, match=reason):
        check.examine(folder, {}, 0, 0)
    assert check.main([str(folder)]) == 1


def test_a_part_that_fails_must_be_named_as_dropped(check, explained):
    folder = explained / "gset"
    change(folder / "explanation.safetensors", "circuits.0.kernel", lambda a: at(a, (0, 1), 7.0))
    edit(folder, dropped=["two: the kernel is not constant on orbitals"], unexplained=list(range(12)))
    seal(folder)
    assert "0 of 1 parts" in check.examine(folder, {}, 0, 0)
    edit(folder, dropped=["three: the kernel is not constant on orbitals"])
    seal(folder)
    with pytest.raises(ValueError, match="two: the kernel is not constant"):
        check.examine(folder, {}, 0, 0)


# ---- identity: no digest computed anew
@pytest.mark.parametrize(
    "name",
    ["certificate.json", "slack.safetensors", "../network.safetensors", "explanation.json", "explanation.safetensors"],
)
def test_an_edited_file_is_noticed(check, explained, name):
    path = explained / "gset" / name
    data = bytearray(path.read_bytes())
    place = data.index(b'"seconds"') + 11 if name == "certificate.json" else len(data) - 2
    data[place] = ord("1") if data[place] != ord("1") else ord("2")
    path.write_bytes(bytes(data))
    assert check.main([str(explained / "gset")]) == 1
    path.write_bytes(bytes(data[:-5]))
    assert check.main([str(explained / "gset")]) == 1
    path.unlink()
    assert check.main([str(explained / "gset")]) == 1


# ---- the user's command
def test_analyze_check_accepts_what_training_certified(run, capfd):
    analyze(["check", str(run.path)])
    out = "".join(capfd.readouterr())
    assert "12 certificates: 12 accepted, 0 refused." in out
    assert "Accepted" in out
    analyze(["check", str(run.path), "--pairs", "5", "--steps", "[200]"])
    assert "5 of 36 pairs" in "".join(capfd.readouterr())


def test_analyze_check_refuses_an_edited_certificate(run, capfd):
    folder = run.certificates(200, 5) / "cascade"
    edit(folder, bound=1.0, accuracy=1.0, seconds=0.0)
    with pytest.raises(SystemExit) as left:
        analyze(["check", str(run.path)])
    assert left.value.code == 1
    assert "11 accepted, 1 refused" in "".join(capfd.readouterr())


def test_analyze_check_refuses_the_certificates_of_another_network(run, capfd):
    """Copied from one network to another they are true, but not of this network."""
    shutil.rmtree(run.certificates(200, 5))
    shutil.copytree(run.certificates(200, 6), run.certificates(200, 5))
    with pytest.raises(SystemExit):
        analyze(["check", str(run.path)])
    out = "".join(capfd.readouterr()).replace("\n", " ")
    assert "12 accepted, 0 refused" in out
    assert "Step 200, seed 5" in out
    assert "not those of the checkpoint" in out


def test_analyze_check_says_when_nothing_is_stored(run):
    with pytest.raises(ValueError, match="expected certificates of step 1 in"):
        analyze(["check", str(run.path), "--steps", "[1]"])
    shutil.rmtree(run.path / "certificates")
    with pytest.raises(ValueError, match="Certify first"):
        analyze(["check", str(run.path)])


def test_another_checkpoint_is_noticed(run, capfd):
    path = run.checkpoint(200)
    stored = torch.load(path, weights_only=True)
    stored["state_dict"]["network.unembed"][1, 0, 0] += 1
    torch.save(stored, path)
    with pytest.raises(SystemExit):
        analyze(["check", str(run.path)])
    assert "seed 6" in "".join(capfd.readouterr())
