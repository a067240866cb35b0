"""The W&B workspace of some runs: the figures of a checkpoint, comparisons by layer, certified bounds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lk.extras import extra
from lk.games import OUTPUT
from lk.interactions import Interactions
from lk.loggers.keys import AXIS, DEFAULT, EXTRACTION_FIGURES, GROUP_FIGURES, key, layer_part
from lk.runs import Run

COMPARED = {  # quantity to title and family of keys
    "completeness": ("Completeness", "interactions"),
    "redundancy": ("Redundancy", "interactions"),
    "salient": ("Salient interactions per sample", "interactions"),
    "accuracy": ("Probe accuracy", "probe"),
}
CONSTANT = ("completeness", "redundancy")  # of the output against itself: 1 and 0, which nothing logs
SHARES = ("completeness", "redundancy", "accuracy")  # from 0 to 1
GROUPED = {
    "bound": "Certified accuracy",
    "cost": "Cost of a proof, relative to brute force",
    "provable": "Provable share",
}
MOST_RUNS, MOST_LAYERS = 100, 10_000


class Shown(NamedTuple):
    """What a workspace shows of its runs.

    Attributes:
        layers: Layers that each run reads, from input to output.
        certified: Keys of certified bounds, as they are logged.
    """

    layers: Sequence[Sequence[str]]
    certified: Sequence[str]


def shown(runs: Iterable[Run], extraction: str = DEFAULT) -> Shown:
    """What runs have logged, from their files.

    Raises:
        ValueError: None of them has interactions or certificates.
    """
    layers, certified = [], set[str]()
    for run in runs:
        if files := list(run.extracted(extraction).values()):
            layers.append(Interactions.load(files[-1]).layers)
        if run.table("certificates").is_file():
            certified |= certified_keys(run)
    if not layers and not certified:
        raise ValueError(
            f"expected runs with interactions {extraction!r} or certificates, got none. "
            "Train with the callback ExtractInteractions or Certify first."
        )
    return Shown(layers, sorted(certified))


def certified_keys(run: Run) -> set[str]:
    """The keys under which a group run logs its last checkpoint."""
    from lk.callbacks.log_certification import scalars
    from lk.certification.certify import TABLES, Certification

    tables = {name: run.read_table(name) for name in TABLES}
    return set(scalars(Certification({name: t[t["step"] == t["step"].max()] for name, t in tables.items()}, {})))


def workspace(found: Shown, ids: Sequence[str], entity: str, project: str, extraction: str = DEFAULT) -> Any:
    """The workspace, as `wandb_workspaces.workspaces.Workspace`.

    Sections: figures of a checkpoint with a slider over epochs; one panel for each place of a layer and quantity, in
    which each run is a line; certified bounds where there are some; training curves.

    Args:
        found: What the runs have logged.
        ids: Ids of the runs; others of the project are filtered out.
        entity: W&B user or team.
        project: W&B project.
        extraction: Name of the extraction.

    Raises:
        ModuleNotFoundError: The package wandb-workspaces is not installed.
    """
    ws = extra("wandb_workspaces.workspaces", "dashboard")
    sections = []
    if found.layers:
        figures = [key("figures", name, extraction=extraction) for name in EXTRACTION_FIGURES]
        sections += [section("Figures of a checkpoint", media(figures), 2, 3)]
        sections += [section("Comparison by layer, a line per run", compared(found.layers, extraction), 4, 4)]
    if found.certified:
        figures = [key("figures", name) for name in GROUP_FIGURES]
        sections += [section("Certified", [*media(figures), *bounds(found.certified)], 3, 3)]
    loss = "train/loss_epoch" if found.layers else "train/loss"  # networks of a group log by step alone
    training = {"Test accuracy": "test/accuracy", "Training loss": loss, "Test loss": "test/loss"}
    sections += [section("Training", [lines(title, [name], "epoch") for title, name in training.items()], 3, 1)]
    return ws.Workspace(
        entity=entity,
        project=project,
        name="Layerwise knowledge",
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis=AXIS, max_runs=MOST_RUNS),
        runset_settings=ws.RunsetSettings(filters=ws.And(ws.Metric("ID").isin(list(ids)))),
    )


def section(name: str, panels: list[Any], columns: int, rows: int) -> Any:
    """An open section of panels in a grid."""
    ws = extra("wandb_workspaces.workspaces", "dashboard")
    layout = ws.SectionLayoutSettings(columns=columns, rows=rows)
    return ws.Section(name=name, panels=panels, is_open=True, layout_settings=layout)


def media(keys: Iterable[str]) -> list[Any]:
    """A panel for each figure, the runs side by side; `figures/2_orders` has the title Orders."""
    wr = extra("wandb_workspaces.reports.v2", "dashboard")
    titles = {name: name.rsplit("/", 1)[-1].partition("_")[2].replace("_", " ").capitalize() for name in keys}
    return [wr.MediaBrowser(title=title, media_keys=[name], num_columns=2) for name, title in titles.items()]


def lines(title: str, keys: Sequence[str], axis: str = AXIS, shares: bool = False) -> Any:
    """A line plot of some keys over epochs; each run has a line for each key that it logs."""
    wr = extra("wandb_workspaces.reports.v2", "dashboard")
    span = (0, 1) if shares else (None, None)
    return wr.LinePlot(title=title, x=axis, y=list(keys), range_y=span, title_x="epoch", max_runs_to_show=MOST_RUNS)


def compared(layers: Sequence[Sequence[str]], extraction: str) -> list[Any]:
    """A line plot for each quantity and place of a layer.

    Networks name their layers differently: the hidden layers at one place share a panel, and so do all outputs.
    """
    plots = []
    for quantity, (title, family) in COMPARED.items():
        named = {} if family == "probe" else {"extraction": extraction}
        by_place: dict[int, dict[str, str]] = {}  # place, with the outputs last, to key and layer
        for own in layers:
            for place, layer in enumerate(own):
                at = MOST_LAYERS if layer == OUTPUT else place
                by_place.setdefault(at, {})[key(family, layer_part(place, layer, len(own)), quantity, **named)] = layer
        for place, keys in sorted(by_place.items()):
            if not (place == MOST_LAYERS and quantity in CONSTANT):
                names = ", ".join(dict.fromkeys(keys.values()))
                plots.append(lines(f"{title}, {names}", list(keys), shares=quantity in SHARES))
    return plots


def bounds(keys: Sequence[str]) -> list[Any]:
    """A line plot for each quantity of the certificates, with all verifiers."""
    own = {title: [name for name in keys if name.endswith(f"/{quantity}")] for quantity, title in GROUPED.items()}
    return [lines(title, found) for title, found in own.items() if found]


def spec(made: Any) -> Mapping[str, Any]:
    """A workspace as plain data, in the form that W&B's server stores."""
    plain: Mapping[str, Any] = made._to_model().spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return plain
