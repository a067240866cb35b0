"""Does the outside checker refuse false certificates? Tampering of every kind, and the checker without each check.

    python benchmarks/check.py [--each 250] [--seed 0] [--run RUN] [--mutants 12]

Certificates of built networks (and those stored in runs) are accepted as they are. Then each is changed so that a claim
is false or files contradict each other, which is known without the checker: logits in fractions, group axioms and
equivariance over all elements, digests that name other bytes. All digests are computed anew ("sealed") unless the kind
says otherwise. Last, each condition of the checker is left out in turn, and the tampered certificates are given to what
remains: a condition that lets none through is not needed.
"""

import argparse
import collections
import copy
import tempfile
import time
from pathlib import Path

import numpy as np
from tampering.built import certified
from tampering.kinds import KINDS
from tampering.mutants import Kept, accepted, checker, mutants
from tampering.stored import Stored, pick

from lk.groups import Cyclic, Dihedral, Quaternion, Symmetric


def refused_as_they_are(bases, folder, networks):
    """Print the true certificates that the checker refuses."""
    module = checker()
    for stored in bases:
        fine, said = accepted(module, stored, folder, networks)
        if not fine:
            print(f"REFUSED as it is: {stored.about['verifier']}: {said}")


def tampered(rng, bases, tamper, each):
    """Certificates changed in one way.

    The one before, the one after, and its text where that cannot be written from its entries.
    """
    made = 0
    for _ in range(60 * each):
        base = pick(rng, bases)
        changed = copy.deepcopy(base)
        done = tamper(rng, changed, pick(rng, bases))
        if done:
            made += 1
            yield base, changed, done if isinstance(done, str) else None
        if made == each:
            return


def attack(rng, bases, folder, networks, given):
    """Give the checker tampered certificates of every kind; small ones are kept for the mutants.

    Returns:
        Kind, certificate and text of those kept; the numbers of tampered ones and of those let through.
    """
    module, kept, total, through = checker(), [], 0, 0
    for kind, tamper in KINDS.items():
        made, passed, few, reasons = 0, 0, 0, collections.Counter()
        for base, changed, text in tampered(rng, bases, tamper, given.each):
            fine, said = accepted(module, changed, folder, networks, text)
            made, passed, reasons[said[:60]] = made + 1, passed + fine, reasons[said[:60]] + 1
            if len(base.slack) < 9 and few < given.mutants:
                kept.append((kind, changed, text))
                few += 1
            if fine:
                print(f"  LET THROUGH: {kind}, {changed.about['verifier']}")
        total, through = total + made, through + passed
        most = reasons.most_common(1)[0][0] if reasons else ""
        print(f"{kind:42s} {made:6d} tampered {made - passed:6d} refused   {most}", flush=True)
    return kept, total, through


def without_conditions(kept, folder):
    """Leave out each condition of the checker; returns how many are needed, and how many there are."""
    needed, number = 0, 0
    for line, what, tree in mutants():
        mutant, networks = checker(tree), Kept()
        found = next(
            (kind for kind, changed, text in kept if accepted(mutant, changed, folder, networks, text)[0]), None
        )
        needed, number = needed + (found is not None), number + 1
        said = "NOTHING MORE" if found is None else f"lets through: {found}"
        print(f"  without line {line}: {what[:110]:110s} {said}", flush=True)
    return needed, number


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=250, help="tampered certificates of each kind")
    parser.add_argument("--networks", type=int, default=40, help="built networks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--run", action="append", default=[], help="a run with certificates; may be given several times"
    )
    parser.add_argument("--mutants", type=int, default=12, help="tampered certificates of each kind for the mutants")
    given = parser.parse_args()
    rng, start = np.random.default_rng(given.seed), time.process_time()
    groups = [Symmetric(3), Cyclic(4), Cyclic(6), Symmetric(3), Dihedral(4), Quaternion(8)]
    bases = [stored for number in range(given.networks) for stored in certified(rng, groups[number % len(groups)])]
    bases += [Stored.read(path.parent) for run in given.run for path in sorted(Path(run).rglob("certificate.json"))]

    def spent():
        return f"{time.process_time() - start:.0f} s of CPU time"

    with tempfile.TemporaryDirectory() as temporary:
        folder, networks = Path(temporary) / "seed" / "verifier", Kept()
        refused_as_they_are(bases, folder, networks)
        print(f"{len(bases)} certificates, accepted as they are; {spent()}", flush=True)
        kept, total, through = attack(rng, bases, folder, networks, given)
        print(f"{total} tampered, {total - through} refused, {through} let through; {spent()}")
        needed, number = without_conditions(kept, folder)
        print(f"{needed} of {number} conditions are needed by themselves; {spent()}")


if __name__ == "__main__":
    main()
