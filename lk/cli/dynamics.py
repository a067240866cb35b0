"""The subcommand `analyze.py dynamics`."""

from lk.console import say


def dynamics(
    runs: list[str],
    random_labels: list[str] | None = None,
    extraction: str = "default",
    training: str = "train",
    opposite: bool = True,
) -> None:
    """Study how interactions change over training: phases, life histories, generalisation, verdicts.

    Runs that differ in their seed alone are one configuration: each is a reference network of the others.

    Args:
        runs: Run folders with four extracted checkpoints or more.
        random_labels: Runs of the same networks that were trained on random labels, as a control.
        extraction: Name of the extraction.
        training: Name of an extraction of training samples; used where all runs of a configuration have it.
        opposite: Decompose the output's values again with the opposite tie-break, as a control.
    """
    from lk.report.dynamics import write_dynamics
    from lk.runs import Run
    from lk.studies.freshness import check_fresh

    opened, control = [Run(path) for path in runs], [Run(path) for path in random_labels or []]
    for run in (*opened, *control):
        check_fresh(run)
    say(f"Report: {write_dynamics(opened, control, extraction, training, opposite)}")
