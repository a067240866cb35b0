"""Whether what is stored in a run was made from the checkpoints that lie beside it."""

from contextlib import suppress

from lk.interactions.origin import read_origin
from lk.runs import Run
from lk.storage.digest import digest_tensors
from lk.storage.stored import load_checkpoint, network_weights


def weights_of(run: Run, step: int) -> str | None:
    """Digest of the network's weights in a checkpoint.

    None where there is no readable one: a run may be kept without them.
    """
    with suppress(ValueError, OSError):
        return digest_tensors(network_weights(load_checkpoint(run.checkpoint(step))))
    return None


def check_fresh(run: Run) -> None:
    """Refuse interactions and certificates that were made from other weights than those of their checkpoint.

    Results that were stored before digests were kept are taken as they are.

    Raises:
        ValueError: Names the results, the checkpoint, and the command that makes them again.
    """
    made: dict[int, list[tuple[str, str, str]]] = {}
    for name in run.extractions:
        for step, path in run.extracted(name).items():
            stored = read_origin(path).made_from
            if stored is not None and "weights" in stored:
                made.setdefault(step, []).append((str(path), stored["weights"], "extract"))
    if run.table("certificates").is_file():
        table = run.read_table("certificates")
        if "weights" in table:
            for row in table.dropna(subset="weights").drop_duplicates("step").to_dict("records"):
                made.setdefault(int(row["step"]), []).append(
                    (str(run.table("certificates")), str(row["weights"]), "certify")
                )
    for step, results in made.items():
        now = weights_of(run, step)
        for what, weights, command in results:
            if now is not None and weights != now:
                raise ValueError(
                    f"expected {what} from the weights that {run.checkpoint(step)} holds, got it from others. Make it "
                    f"again: analyze.py {command} {run.path} --steps [{step}]."
                )
