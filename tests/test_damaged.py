"""Damaged files of a run, full disks and folders that cannot be written, through the real commands.

One line that names the file.
"""

import json
import resource
import shutil
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lk.cli import analyze, main, probe
from lk.extraction import Samples
from lk.groups import Cyclic
from lk.interactions import Interactions
from lk.probes import Probes
from lk.probes.probes import Linear
from lk.proofs import Certificate, FourierExplanation, Tables, load_explanation, save_explanation, save_network
from lk.proofs.certificate import digest_entries, digest_file


@pytest.fixture
def run(tiny_run, tmp_path):
    return Path(shutil.copytree(tiny_run, tmp_path / "run", ignore=shutil.ignore_patterns("wandb", "figures")))


def said(command, capsys):
    """What a command says of a user's error."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    text = "".join(capsys.readouterr().err.split())  # lines are broken anywhere
    assert "Traceback" not in text
    return text


def entry(*path, value):
    def change(file):
        config = yaml.safe_load(file.read_text())
        place = config
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        file.write_text(yaml.safe_dump(config))

    return change


def text(content):
    return lambda file: file.write_text(content)


def tensors(**changes):
    """Replace tensors of a file, its header kept without the digest: what a program of somebody writes."""

    def change(file):
        with safe_open(file, "pt") as opened:
            about = {key: value for key, value in (opened.metadata() or {}).items() if key != "digest"}
        found = load_file(file)
        found.update({key: make(found[key]) for key, make in changes.items()})
        save_file({key: value.contiguous() for key, value in found.items() if value is not None}, file, about)

    return change


def header(**changes):
    def change(file):
        with safe_open(file, "pt") as opened:
            about = dict(opened.metadata())
        save_file(load_file(file), file, {**about, **{key: json.dumps(value) for key, value in changes.items()}})

    return change


def table(make):
    return lambda file: make(pd.read_parquet(file)).to_parquet(file)


STEP = "extractions/default/step=0000012"
SETTINGS, SAMPLES = "extractions/default/settings.yaml", "extractions/default/samples"


@pytest.mark.parametrize(
    ("file", "damage", "command", "message"),
    [
        ("config.yaml", entry("model", value=3), "extract", "expected model.network as class_path with init_args"),
        ("config.yaml", entry("model", value=["a"]), "report", "expected model.network as class_path"),
        ("config.yaml", entry("model", value="lk.networks.MLP"), "probe", "expected model.network as class_path"),
        ("config.yaml", entry("data", value=None), "extract", "expected data as class_path with init_args"),
        (
            "config.yaml",
            entry("data", "init_args", "seed", value="x"),
            "extract",
            "expected seed of Digits as int, got 'x'",
        ),
        ("config.yaml", entry("model", "network", "init_args", "widths", value=3), "extract", "expected widths of MLP"),
        ("config.yaml", entry("trainer", value=[1]), "report", "expected trainer as settings by name"),
        (
            "config.yaml",
            entry("trainer", "callbacks", 1, "init_args", "extraction", value="text"),
            "extract",
            "expected the settings of an extraction",
        ),
        ("config.yaml", text("[1]"), "report", "expected a mapping with text as keys"),
        ("config.yaml", text("&a [*a]"), "report", "expected aliases outside of what they stand for"),
        (SETTINGS, text("[1, 2]"), "report", "expected a mapping with text as keys"),
        (SETTINGS, text("text"), "report", "expected a mapping with text as keys"),
        (SETTINGS, entry("kappa", value="x"), "report", "expected kappa as a number"),
        (
            SETTINGS,
            entry("players", value="lk.games.Grid"),
            "extract by name",
            "expected players as class_path with init_args",
        ),
        (SETTINGS, entry("layers", value=3), "report", "expected layers as a list of names"),
        (SETTINGS, entry("colour", value=3), "extract by name", "got 'colour'"),
        (f"{SAMPLES}.yaml", text(""), "report", "expected players as a list of texts"),
        (f"{SAMPLES}.yaml", text("- a"), "report", "expected a mapping with text as keys"),
        (f"{SAMPLES}.yaml", text("players: 3\nclasses: [a]"), "report", "expected players as a list of texts"),
        (f"{SAMPLES}.yaml", text("players: []\nclasses: [a]"), "report", "expected labels from 0 to 0"),
        (f"{SAMPLES}.safetensors", text(""), "report", "holds no samples"),
        (f"{SAMPLES}.safetensors", tensors(x=lambda x: x[:3]), "report", "holds no samples"),
        (f"{SAMPLES}.safetensors", tensors(y=lambda _: None), "report", "expected a tensor 'y'"),
        (
            f"{SAMPLES}.safetensors",
            tensors(filler=lambda x: x * torch.nan),
            "report",
            "expected finite numbers in filler",
        ),
        (
            f"{STEP}/values.safetensors",
            tensors(values=lambda x: x[:, :1]),
            "report",
            "expected values as real numbers of shape (16, 3, 10)",
        ),
        (
            f"{STEP}/values.safetensors",
            tensors(values=lambda x: x.long()),
            "extract",
            "expected values as real numbers",
        ),
        (
            f"{STEP}/values.safetensors",
            lambda file: file.write_bytes(file.read_bytes()[:-4]),
            "extract",
            "holds no games",
        ),
        (
            f"{STEP}/interactions.safetensors",
            tensors(and_=lambda x: x * torch.inf),
            "report",
            "expected finite numbers in and_",
        ),
        (
            f"{STEP}/interactions.safetensors",
            tensors(certified=lambda x: x.float()),
            "report",
            "expected certified as true or false",
        ),
        (f"{STEP}/interactions.safetensors", header(layers=["a"]), "report", "expected and_ as real numbers"),
        (f"{STEP}/interactions.safetensors", header(about=[1]), "report", "expected metadata by name, got list"),
        (
            f"{STEP}/interactions.safetensors",
            header(about={"labels": [1]}),
            "report",
            "got another kind or length of 'labels'",
        ),
        (
            f"{STEP}/interactions.safetensors",
            lambda file: file.write_bytes(file.read_bytes()[:-4] + b"\1\2\3\4"),
            "report",
            "expected the tensors that were written, got others",
        ),
        (
            "probes/step=0000012.safetensors",
            header(recipe="lk.probes.Optimum"),
            "extract",
            "expected recipe as class_path with init_args",
        ),
        ("probes/step=0000012.safetensors", header(fits={}), "extract", "holds no probes"),
        ("probes/step=0000012.safetensors", header(layers=3), "extract", "expected layers as a list of texts"),
        ("checkpoints/step=0000012.ckpt", text("x" * 500), "extract", "is truncated or no checkpoint"),
        ("tables/probes.parquet", text("PAR1"), "report", "is truncated or no table of this run"),
        (
            "tables/probes.parquet",
            table(lambda frame: frame.drop(columns="accuracy")),
            "report",
            "expected a column 'accuracy', got none",
        ),
        (
            "tables/training.parquet",
            lambda file: file.write_bytes(file.read_bytes()[:-30]),
            "report",
            "is truncated or no table of this run",
        ),
    ],
)
def test_a_damaged_file_is_named(run, file, damage, command, message, capsys):
    damage(run / file)
    commands = {
        "extract": lambda: analyze(["extract", str(run), "--report", "false"]),
        "extract by name": lambda: analyze(["extract", str(run), "--extraction.name", "default", "--report", "false"]),
        "probe": lambda: probe(["fit", "--run", str(run)]),
        "report": lambda: analyze(["report", str(run)]),
    }
    told = said(commands[command], capsys)
    assert message.replace(" ", "") in told
    assert "colour" in message or Path(file).stem in told


# ---- certificates
@pytest.fixture
def proof(tmp_path):
    folder, zeros = tmp_path / "schur", torch.zeros(3, 8).numpy()
    save_network(Tables(zeros, zeros, zeros, zeros[:, 0]), Cyclic(3), tmp_path)
    save_explanation(FourierExplanation((torch.ones(3, 1, 1).numpy(),), order=3, width=8), folder)
    Certificate("schur", torch.ones(3, 3, dtype=torch.float64).numpy(), 4, 8, 0.1).save(folder, "relu")
    return folder


@pytest.mark.parametrize(
    ("file", "content"),
    [
        *(
            ("explanation.json", content)
            for content in ("", "[1]", '"text"', "{", "[" * 10**5, '{"kind": ["FourierExplanation"]}', '{"kind": "x"}')
        ),
        *(
            (
                "explanation.json",
                json.dumps(
                    {
                        "kind": "FourierExplanation",
                        "order": 3,
                        "width": 8,
                        "matrices": 1,
                        "theta": 0,
                        "clusters": False,
                        key: value,
                    }
                ),
            )
            for key, value in (
                ("matrices", 2),
                ("matrices", "x"),
                ("matrices", None),
                ("order", []),
                ("theta", {}),
                ("clusters", True),
            )
        ),
        ("explanation.safetensors", ""),
        ("explanation.safetensors", "x" * 100),
    ],
)
def test_damaged_explanations(proof, file, content):
    (proof / file).write_text(content)
    with pytest.raises(ValueError, match=proof.name):
        load_explanation(proof)


@pytest.mark.parametrize(
    "change",
    [
        {"operations": "x"},
        {"operations": -1},
        {"operations": None},
        {"seconds": "x"},
        {"seconds": []},
        {"accuracy": "x"},
        {"tiers": 3},
        {"tiers": [[1]]},
        {"unexplained": 3},
        {"unexplained": ["x"]},
        {"dropped": None},
        {"margin": []},
        {"brute_force_operations": 1.5},
    ],
)
def test_damaged_certificates(proof, change):
    assert Certificate.load(proof).bound == 1.0
    path = proof / "certificate.json"
    entries = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=r"certificate.json as it was written, got other entries: .*certify again"):
        Certificate.load(proof)
    path.write_text(json.dumps({**entries, "digest": digest_entries(entries)}))
    with pytest.raises(ValueError, match=r"certificate.json is truncated or holds no certificate .*certify again"):
        Certificate.load(proof)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"No file .*certificate.json"):
        Certificate.load(proof)


def test_damaged_slack(proof):
    path = proof / "certificate.json"
    entries = json.loads(path.read_text())
    save_file({"slack": torch.full((3, 3), 2.0).double()}, proof / "slack.safetensors")
    with pytest.raises(
        ValueError, match=r"expected the slack.safetensors that .*certificate.json speaks of, got another"
    ):
        Certificate.load(proof)
    for slack in (torch.full((3, 3), torch.nan), torch.ones(2, 3), torch.ones(3, 3, dtype=torch.long)):
        save_file({"slack": slack}, proof / "slack.safetensors")
        entries["files"]["slack"] = digest_file(proof / "slack.safetensors")
        path.write_text(json.dumps({**entries, "digest": digest_entries(entries)}))
        with pytest.raises(ValueError, match=r"holds no certificate"):
            Certificate.load(proof)


# ---- every byte of a header
def test_loaders_raise_nothing_but_value_errors(tmp_path, tiny_run):
    """One byte of each file replaced at many places, and each file cut at many places."""
    Probes({"a": Linear(torch.eye(2), torch.zeros(2), torch.zeros(2), torch.ones(2))}).save(
        tmp_path / "probes.safetensors"
    )
    for name in ("samples.safetensors", "samples.yaml"):
        shutil.copy(tiny_run / "extractions/default" / name, tmp_path)
    shutil.copy(tiny_run / STEP / "interactions.safetensors", tmp_path)
    loaders = {"probes": Probes.load, "samples": Samples.load, "interactions": Interactions.load}
    refused = 0
    for name, load in loaders.items():
        for file in tmp_path.glob(f"{name}.*"):
            content = file.read_bytes()
            for place in range(0, min(len(content), 1500), 11):
                for damaged in (content[:place], content[:place] + b"\x81" + content[place + 1 :]):
                    file.write_bytes(damaged)
                    try:
                        load(tmp_path / f"{name}.safetensors")
                    except ValueError:
                        refused += 1
            file.write_bytes(content)
    assert refused > 500


# ---- disks
def test_a_folder_that_cannot_be_written(run, capsys):
    """Root may write everywhere: here a file stands where a folder is needed."""
    shutil.rmtree(run / "tables")
    (run / "tables").write_text("a file")
    told = said(lambda: analyze(["extract", str(run), "--report", "false"]), capsys)
    assert "tables" in told
    assert "Whatiswrittenstayswhole" in told


@pytest.fixture
def full_disk():
    """A disk on which no file of this process gets larger than 3 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextmanager
    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full


def test_a_full_disk_is_one_line_and_what_is_kept_is_right(run, full_disk, capsys):
    """The interactions do not fit: nothing half is left, and the same command goes on from there."""
    before = Interactions.load(run / STEP / "interactions.safetensors")
    shutil.rmtree(run / STEP)
    with full_disk():
        told = said(lambda: analyze(["extract", str(run), "--report", "false"]), capsys)
    assert "Filetoolarge" in told
    assert "Whatiswrittenstayswhole" in told
    assert not list(run.rglob("*.part"))
    assert not (run / STEP / "interactions.safetensors").exists()
    analyze(["extract", str(run), "--report", "false"])
    again = Interactions.load(run / STEP / "interactions.safetensors")
    assert torch.allclose(again.and_, before.and_, atol=1e-4)
