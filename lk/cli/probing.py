"""Fit the probes of a finished run: `probe.py fit --run RUN`."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lk.cli.parser import Parser

if TYPE_CHECKING:
    from lk.probes import Recipe


def probe(args: Sequence[str] | None = None) -> None:
    """Parse and run `probe.py fit --run RUN`.

    Args:
        args: Words of the command line; default those of this process.
    """
    from lk.probes import Recipe
    from lk.runs import Run
    from lk.runs.lock import locked

    parser = Parser(prog="probe.py", description="Fit one linear classifier per layer at every checkpoint of a run.")
    subcommand = parser.add_command(parser.add_subcommands(), fit)
    subcommand.add_function_arguments(fit, as_group=False, skip={"recipe"})
    subcommand.add_subclass_arguments(
        Recipe, "recipe", required=False, help="How to fit; default: that of the run's extraction."
    )
    settings = vars(parser.instantiate(parser.parse_args(list(sys.argv[1:] if args is None else args))).fit)
    settings.pop("config")
    with locked(Run(settings["run"]).path):
        fit(**settings)


def fit(
    run: str,
    recipe: "Recipe | None" = None,
    layers: list[str] | None = None,
    steps: list[int] | None = None,
    data_dir: str | None = None,
    trust: bool = False,
) -> None:
    """Fit one linear classifier per layer at every checkpoint of a run.

    Args:
        run: The run folder.
        recipe: How to fit; default: that of the run's extraction.
        layers: Layers to read; default: those of the run's extraction.
        steps: Checkpoints by step, such as [0,460]; default: all.
        data_dir: Folder of the data set, where it differs from the run's config.
        trust: Build classes that are neither of lk nor of torchvision.
    """
    from lk.cli.finished import chosen_steps, open_run
    from lk.console import progress, say
    from lk.extraction import Checkpoint, Extraction
    from lk.extraction.probing import probe_checkpoint
    from lk.games import Grid
    from lk.layers import device_of
    from lk.networks.readable import first_inputs, readable
    from lk.probes import Recipe
    from lk.storage.trust import build, check_trusted
    from lk.studies.environment import record_environment

    opened, data, network = open_run(run, trust, data_dir)
    settings = opened.extraction_config()
    if not trust:
        check_trusted(settings)
    recipe = recipe or (build(settings["probes"], trust, Recipe) if settings.get("probes") else None)
    # Players do not matter here; any division will do.
    extraction = Extraction(Grid(1), probes=recipe, layers=layers or settings.get("layers"))
    names, chosen = extraction.layers_of(network), chosen_steps(opened, steps)
    record_environment(opened, "probes", 0, str(device_of(network)))
    most = f"{extraction.probes.max_samples:,}"
    say(f"Probes: {len(chosen)} checkpoints x {len(names)} layers, up to {most} training samples each.")
    with progress(len(chosen), "probes") as bar:
        for step in chosen:
            checkpoint = Checkpoint.load(opened, step, network, data)
            frozen = readable(network, names, first_inputs(data.train), data.num_classes)
            probe_checkpoint(replace(checkpoint, network=frozen), extraction, again=True)
            bar.advance(bar.task_ids[0])
    table = opened.read_table("probes")
    columns = ["layer", "accuracy", "calibration_error", "chance", "gradient_norm"]
    say(table[table["step"] == chosen[-1]][columns].to_string(index=False))
    say(f"Probes are in {opened.path / 'probes'}, their accuracy in {opened.table('probes')}.")
