"""Debiased CKA, effective rank, kNN accuracy and rank correlation, against other people's formulas."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from lk.metrics import cka, effective_rank, knn_accuracy, rank_correlation
from lk.metrics.cka import u_centred


def features(samples, width, seed):
    return torch.randn(samples, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gram(x):
    return x @ x.T


def test_the_estimate_is_the_direct_sum_over_four_distinct_samples():
    """HSIC_1 as the mean of K_ij L_ij + K_ij L_qr - 2 K_ij L_iq over all tuples (Song et al. 2012, Theorem 3)."""
    k, lower = gram(features(6, 3, 0)), gram(features(6, 2, 1))
    terms = [
        k[i, j] * lower[i, j] + k[i, j] * lower[q, r] - 2 * k[i, j] * lower[i, q]
        for i, j, q, r in itertools.permutations(range(6), 4)
    ]
    ours = (u_centred(k) * u_centred(lower)).sum() / (6 * 3)
    assert float(ours) == pytest.approx(float(torch.stack(terms).mean()), rel=1e-10)


def test_cka_knows_rotation_scale_and_shift():
    x = features(30, 5, 2)
    rotation = torch.linalg.qr(features(5, 5, 3)).Q
    assert cka(gram(x), gram(3 * x @ rotation + 7)) == pytest.approx(1.0)
    assert cka(gram(x), gram(x * torch.tensor([1.0, 0, 0, 0, 0]))) < 0.9


def test_unrelated_features_have_none_however_wide():
    found = [cka(gram(features(20, 400, 2 * seed)), gram(features(20, 400, 2 * seed + 1))) for seed in range(60)]
    assert abs(np.mean(found)) < 4 * np.std(found) / 60**0.5
    x, y = (features(20, 400, seed) for seed in (0, 1))
    x, y = x - x.mean(0), y - y.mean(0)
    biased = float((gram(x) * gram(y)).sum() / (gram(x).norm() * gram(y).norm()))
    assert biased > 0.8  # what the estimate without the correction says of the same features


def test_what_does_not_vary_is_similar_to_nothing():
    assert np.isnan(cka(torch.zeros(5, 5), gram(features(5, 2, 0))))
    with pytest.raises(ValueError, match=r"expected two \(n, n\) Gram matrices .* got shapes \(5, 5\) and \(6, 6\)"):
        cka(torch.zeros(5, 5), torch.zeros(6, 6))
    with pytest.raises(ValueError, match="n >= 4 samples"):
        cka(torch.zeros(3, 3), torch.zeros(3, 3))


def test_effective_rank_is_that_of_the_singular_values():
    x = features(40, 6, 4) * torch.tensor([9.0, 3, 1, 1, 0.1, 0])
    values = torch.linalg.svdvals(x - x.mean(0))[:5]
    p = values / values.sum()
    assert effective_rank(gram(x)) == pytest.approx(float(torch.exp(-(p * p.log()).sum())), rel=1e-6)
    assert effective_rank(gram(x[:, :1] + 5)) == pytest.approx(1.0)
    assert effective_rank(torch.ones(4, 4)) == 0.0


@pytest.mark.parametrize("k", [1, 4, 5])
def test_knn_accuracy_is_that_of_scikit_learn(k):
    x, y = features(60, 3, 5), torch.arange(60) % 3
    x[:, 0] += y
    expected = cross_val_predict(KNeighborsClassifier(k), x.numpy(), y.numpy(), cv=LeaveOneOut())
    assert knn_accuracy(gram(x), y, k) == pytest.approx(float((expected == y.numpy()).mean()))


def test_knn_needs_others():
    with pytest.raises(ValueError, match="got k=5, n=5"):
        knn_accuracy(torch.eye(5), torch.zeros(5, dtype=torch.int64))


def test_rank_correlation_covers():
    random = np.random.default_rng(0)
    covered, truth = 0, 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's correlation of normal pairs
    for _ in range(400):
        x = random.normal(size=24)
        y = 0.6 * x + 0.8 * random.normal(size=24)
        value, low, high = rank_correlation(x, y)
        assert value == pytest.approx(spearmanr(x, y).statistic)
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.99
    assert np.isnan(rank_correlation(np.zeros(9), np.arange(9.0))).all()
    assert np.isnan(rank_correlation(np.arange(4.0), np.arange(4.0))).all()
