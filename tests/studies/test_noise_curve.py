"""The theoretical curve: against dense matrices, its limits, and the recovery of a planted sigma."""

import pytest
import torch

from lk.studies.noise_curve import VARIANCES, dividends, fitted_noise, noisy_optimum, order_shares
from lk.transforms import orders

N = 4


def planted(samples=6):
    generator = torch.Generator().manual_seed(0)
    found = torch.randn(2**N, samples, generator=generator, dtype=torch.float64)
    found[0] = 0
    return found


@pytest.mark.parametrize("variance", [0.0, 0.01, 3.0])
def test_closed_form_is_the_dense_solution(variance):
    target = planted()
    index = torch.arange(2**N)
    contains = ((index[:, None] & index[None]) == index[None]).double()  # row T, column S: S is a subset of T
    noise = torch.diag(2**N * variance * 2.0 ** orders(N))
    gram = contains.T @ contains
    found = noisy_optimum(target, torch.tensor([7.0, variance]))[..., 1]
    torch.testing.assert_close(found, torch.linalg.solve(gram + noise, gram @ target))


def test_noise_favours_low_orders():
    shares = order_shares(noisy_optimum(planted(), torch.tensor([0.0, 0.01, 1.0]))).mean(1)
    means = (shares * torch.arange(1, N + 1)[:, None]).sum(0)
    assert means[0] > means[1] > means[2]


def test_dividends_of_and_and_or_effects():
    effects = torch.zeros(2, 4, 1)
    effects[1, 3] = 1.0  # player 0 or player 1
    assert dividends(effects)[:, 0].tolist() == [0.0, 1.0, 1.0, -1.0]


def test_a_planted_sigma_is_found():
    target = planted(12)
    variance = VARIANCES[24]
    noisy = noisy_optimum(target, torch.tensor([variance], dtype=torch.float64))[..., 0]
    seen, last = (torch.stack([part, torch.zeros_like(part)]) for part in (noisy, target))
    found, distance, without, curve = fitted_noise(seen, last)
    assert (found == variance).all()
    assert distance.max() < 1e-12
    assert without.min() > 1e-3
    torch.testing.assert_close(curve, order_shares(noisy).mean(1))
    # The last checkpoint is explained by no noise at all.
    assert (fitted_noise(last, last)[0] == 0).all()
