"""Multinomial logistic regression with an L2 penalty, solved to a stated distance from its optimum.

Source: Newton with truncated, preconditioned conjugate gradients (Nocedal and Wright, Numerical Optimization, 2006,
Algorithm 7.1).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_BLOCKS = 2**24  # numbers in the blocks of a preconditioner at most: 128 MB
_ROWS = 2**22  # numbers of the features converted to double precision at a time


@dataclass(frozen=True)
class Solution:
    """Where a fit stopped.

    Attributes:
        weight: Shape `(classes, features)`, float64.
        bias: Shape `(classes,)`, float64, its mean 0.
        gradient_norm: Euclidean norm of the gradient in weight and bias.
        evaluations: Gradients and products with the Hessian.
        reached: Whether the tolerance was reached.
    """

    weight: Tensor
    bias: Tensor
    gradient_norm: float
    evaluations: int
    reached: bool


@dataclass(frozen=True)
class _Point:
    """Weight and bias in one tensor `(classes, features + 1)`, with what follows from them."""

    both: Tensor
    logits: Tensor
    p: Tensor
    gradient: Tensor
    goal: float  # of the gradient in the weight
    reached: bool


class Logistic:
    r"""The objective of a fit on given features.

    .. math:: f(W, b) = -\frac1n \sum_i \log \mathrm{softmax}(W x_i + b)_{y_i} + \frac{\lambda}{2} \lVert W \rVert^2

    Args:
        x: Features `(samples, features)`, float32 or float64. Gradients are summed in double precision in either case.
        targets: One-hot labels `(samples, classes)`, float64; every class occurs.
        l2: The penalty lambda.
    """

    def __init__(self, x: Tensor, targets: Tensor, l2: float) -> None:
        self.x, self.targets, self.l2 = x, targets, l2

    def solve(self, tolerance: float, evaluations: int) -> Solution:
        r"""The minimiser, within a relative distance.

        Let phi(W) = min over b of f(W, b). It is strongly convex with constant lambda, so that

        .. math::

            \lVert W - W^* \rVert \le \lVert \nabla \phi(W) \rVert / \lambda
            \le \mathrm{tolerance} \cdot \max(\lVert W \rVert, 1)

        is what the stop asks for; a log-odds moves by at most sqrt(2) * |x| times that. The bias has no penalty: it is
        within the same number of the best one of its W, by the length of a Newton step in the bias alone. The best bias
        follows W: where no logit moves by more than m, it moves by at most 2 m (classes - 1), because the mean
        probability of each class stays its frequency.

        Args:
            tolerance: The relative distance.
            evaluations: Gradients and products with the Hessian at most.

        Example:
            >>> x, targets = torch.tensor([[-1.0], [1.0]]).double(), torch.eye(2).double()
            >>> found = Logistic(x, targets, 0.1).solve(1e-9, 100)
            >>> w = float(found.weight[1])  # its optimality condition: l2 * w = sigmoid(-2 * w)
            >>> found.reached and abs(0.1 * w - 1 / (1 + math.exp(2 * w))) < 1e-9
            True
        """
        at, count = (
            self.point(self.x.new_zeros(self.targets.shape[1], self.x.shape[1] + 1, dtype=torch.float64), tolerance),
            1,
        )
        first, blocks = float(at.gradient.norm()), False
        while not at.reached and count + 2 <= evaluations:
            norm = float(at.gradient.norm())
            # Superlinear: the linear system is solved the better, the nearer the optimum; single precision solves it to
            # 1e-3 at best.
            forcing = max(
                min(0.1, math.sqrt(norm / first)), 0.3 * at.goal / norm, 0.0 if self.x.dtype == torch.float64 else 1e-3
            )
            step, moved, used = self.newton_step(
                at, self.preconditioner(at.p, blocks), forcing * norm, evaluations - count - 1
            )
            count += used + 1
            # The blocks of all classes cost as much as a few products; they pay where the diagonal needs many.
            blocks = blocks or (
                used > max(10, self.x.shape[1] // 4) and self.targets.shape[1] * (self.x.shape[1] + 1) ** 2 <= _BLOCKS
            )
            length = self.step_length(at, step, moved)
            if length == 0 or length * float(moved.abs().max()) <= 1e-15 * float(at.logits.abs().max()):
                break  # as near as double precision comes
            at = self.point(at.both + length * step, tolerance)
        weight, bias = at.both[:, :-1], at.both[:, -1]
        return Solution(weight.contiguous(), bias - bias.mean(), float(at.gradient.norm()), count, at.reached)

    def point(self, both: Tensor, tolerance: float) -> _Point:
        """Gradient, and whether the stop is reached, at one place."""
        weight, bias = both[:, :-1], both[:, -1]
        logits, sums, p = (
            self.targets.new_empty(self.targets.shape),
            torch.zeros_like(both),
            self.targets.new_empty(self.targets.shape),
        )
        for part, rows in self.parts():
            logits[rows] = torch.addmm(bias, part, weight.T)
            p[rows] = logits[rows].softmax(1)
            residual = p[rows] - self.targets[rows]
            sums[:, :-1].addmm_(residual.T, part)
            sums[:, -1] += residual.sum(0)
        gradient = sums / len(self.x)
        gradient[:, :-1] += self.l2 * weight
        size = max(float(weight.norm()), 1.0)
        goal = tolerance * self.l2 * size
        if float(gradient[:, :-1].norm()) > 10 * goal:
            return _Point(both, logits, p, gradient, goal, False)
        # A Newton step in the bias alone, and the gradient in the weight after it: that of phi.
        curvature = (torch.diag(p.sum(0)) - p.T @ p) / len(p)
        sizes = curvature.diagonal().clamp(min=torch.finfo(p.dtype).tiny).sqrt()
        bias_step = (
            torch.linalg.pinv(curvature / sizes / sizes[:, None], rtol=1e-13, hermitian=True)
            @ (gradient[:, -1] / sizes)
            / sizes
        )
        reduced = gradient[:, :-1].clone()
        for part, rows in self.parts():
            reduced -= through(p[rows], bias_step.expand_as(p[rows])).T @ part / len(p)
        reached = float(reduced.norm()) <= goal and float(bias_step.abs().max()) <= tolerance * size
        return _Point(both, logits, p, gradient, goal, reached)

    def parts(self) -> list[tuple[Tensor, slice]]:
        """The features in double precision, a few rows at a time where they are stored in single."""
        if self.x.dtype == torch.float64:
            return [(self.x, slice(None))]
        size = max(1, _ROWS // self.x.shape[1])
        return [(rows.double(), slice(i * size, (i + 1) * size)) for i, rows in enumerate(self.x.split(size))]

    def preconditioner(self, p: Tensor, blocks: bool) -> Callable[[Tensor], Tensor]:
        """An approximate inverse of the Hessian: that of its diagonal, or of its blocks of one class each.

        A number that is added to all classes changes no probability; gradients have no such part, and directions are
        kept free of it.
        """
        curvature = (p * (1 - p) / len(p)).to(self.x)
        if not blocks:
            diagonal = torch.cat([curvature.T @ self.x.square(), curvature.sum(0)[:, None]], 1).double() + self.l2
            return lambda v: centred(v / diagonal)
        classes, features = p.shape[1], self.x.shape[1]
        block = p.new_empty(classes, features + 1, features + 1)
        for c in range(classes):
            scaled = curvature[:, c].sqrt()[:, None] * self.x
            block[c, :-1, :-1] = scaled.T @ scaled
        block[:, :-1, -1] = block[:, -1, :-1] = curvature.T @ self.x
        block[:, -1, -1] = curvature.sum(0)
        block.diagonal(dim1=1, dim2=2).add_(self.l2)
        factor, failed = torch.linalg.cholesky_ex(block)
        if bool(failed.any()):
            return self.preconditioner(p, False)
        return lambda v: centred(torch.cholesky_solve(v[:, :, None], factor)[:, :, 0])

    def newton_step(
        self, at: _Point, preconditioner: Callable[[Tensor], Tensor], enough: float, products: int
    ) -> tuple[Tensor, Tensor, int]:
        """Step, how it moves the logits, and products used: conjugate gradients until the residual is small enough."""
        residual, step, moved = -at.gradient, torch.zeros_like(at.both), torch.zeros_like(at.logits)
        direction = ahead = preconditioner(residual)
        product, used = float((residual * ahead).sum()), 0
        while used < products:
            used += 1
            shift = torch.addmm(direction[:, -1].to(self.x), self.x, direction[:, :-1].T.to(self.x))
            curved = through(at.p.to(self.x), shift) / len(self.x)
            bent = torch.cat(
                [(curved.T @ self.x).double() + self.l2 * direction[:, :-1], curved.sum(0)[:, None].double()], 1
            )
            curvature = float((direction * bent).sum())
            if not curvature > 0 or not product > 0:
                break  # as far as rounding lets it
            length = product / curvature
            step, moved, residual = step + length * direction, moved + length * shift, residual - length * bent
            if float(residual.norm()) <= enough:
                break
            ahead = preconditioner(residual)
            product, before = float((residual * ahead).sum()), product
            direction = ahead + product / before * direction
        return step, moved, used

    def step_length(self, at: _Point, step: Tensor, moved: Tensor) -> float:
        """Longest of 1, 1/2, ... that lowers the objective and cuts the slope along the step to a tenth, or 0.

        The objective is convex, so that its slope along a line rises, and is exact where differences of the objective
        drown in rounding.
        """
        weight, along = at.both[:, :-1], step[:, :-1]
        linear, square = self.l2 * float((weight * along).sum()), self.l2 * float(along.square().sum())

        def along_step(length: float) -> tuple[float, float]:
            """Slope, and the objective without its constant part."""
            log_p = (at.logits + length * moved).log_softmax(1)
            slope = float(((log_p.exp() - self.targets) * moved).sum()) / len(self.x) + linear + length * square
            return slope, -float((log_p * self.targets).sum()) / len(self.x) + length * (linear + length / 2 * square)

        (start, before), length = along_step(0.0), 1.0
        while start < 0 and length > 1e-12:
            slope, after = along_step(length)
            if slope <= 0 or (slope <= -0.1 * start and after <= before + 1e-10 * abs(before)):
                return length
            length /= 2
        return 0.0


def through(p: Tensor, shift: Tensor) -> Tensor:
    """How probabilities `(samples, classes)` move with their logits, to first order."""
    moved = p * shift
    return moved - p * moved.sum(1, keepdim=True)


def centred(v: Tensor) -> Tensor:
    """Without the mean over classes."""
    return v - v.mean(0)
