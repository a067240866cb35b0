"""The solvers in order of preference. The first that answers a problem decides."""

from collections.abc import Sequence

from lk.decomposition.interior import Interior
from lk.decomposition.path import Path
from lk.decomposition.problem import Answer, Problem, Solver
from lk.decomposition.published import PublishedRule
from lk.decomposition.splitting import Splitting

EXACT: tuple[Solver, ...] = (Path(), Interior())
SOLVERS: tuple[Solver, ...] = (Splitting(), *EXACT)
BY_NAME: dict[str, tuple[Solver, ...]] = {
    "path": (Path(patient=True),),
    "interior": (Interior(),),
    "splitting": (Splitting(proven=False), Interior()),
    "sgd": (PublishedRule(),),
}


def solve(
    problems: Sequence[Problem], solvers: Sequence[Solver], known: Sequence[Answer | None] | None = None
) -> list[Answer]:
    """One answer per problem; `known` answers stand. Problems that no solver answers come back without effects."""
    answers = list(known or [None] * len(problems))
    for solver in solvers:
        missing = [place for place, answer in enumerate(answers) if answer is None]
        if not missing:
            break
        for place, answer in zip(missing, solver.solve([problems[place] for place in missing]), strict=True):
            answers[place] = answer
    return [
        problem.without_effects("none", optimal=False) if answer is None else answer
        for problem, answer in zip(problems, answers, strict=True)
    ]
