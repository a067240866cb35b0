import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lk.metrics import bootstrap


def mean(x):
    return lambda weights: weights @ x


def test_centre_is_the_statistic_and_ends_enclose_it():
    x = np.random.default_rng(0).normal(size=(50, 2, 3))
    centre, low, high = bootstrap(lambda w: np.tensordot(w, x, 1), 50)
    assert centre.shape == low.shape == high.shape == (2, 3)
    assert np.allclose(centre, x.mean(0))
    assert (low < centre).all()
    assert (centre < high).all()


def test_interval_of_a_mean_has_the_width_of_the_normal_one():
    x = np.random.default_rng(1).normal(size=400)
    _, low, high = bootstrap(mean(x), 400, draws=4000)
    assert high - low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.06)
    _, narrow_low, narrow_high = bootstrap(mean(x), 400, draws=4000, level=0.5)
    assert narrow_high - narrow_low == pytest.approx(2 * 0.674 * x.std() / 20, rel=0.1)


def test_coverage_of_the_true_mean():
    generator = np.random.default_rng(2)
    hits = 0
    for trial in range(300):
        _, low, high = bootstrap(mean(generator.normal(size=40)), 40, draws=300, seed=trial)
        hits += low <= 0 <= high
    assert 0.90 <= hits / 300 <= 0.98  # 0.95 asked for; percentile intervals of 40 samples fall a little short


def test_a_ratio_resamples_both_parts_together():
    top = np.random.default_rng(3).uniform(1, 9, 30)
    centre, low, high = bootstrap(lambda w: (w @ top) / (w @ (2 * top)), 30)
    assert (float(centre), float(low), float(high)) == pytest.approx((0.5, 0.5, 0.5))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100))
def test_the_seed_decides(seed):
    x = np.arange(10.0)
    assert bootstrap(mean(x), 10, 50, seed=seed)[1:] == bootstrap(mean(x), 10, 50, seed=seed)[1:]


def test_weights_sum_to_one_and_count_samples():
    seen = []
    bootstrap(lambda w: seen.append(w) or 0.0, 7, draws=20)
    assert len(seen) == 21
    assert np.allclose(seen[0], 1 / 7)
    for weights in seen[1:]:
        assert weights.sum() == pytest.approx(1)
        assert np.allclose(weights * 7, np.round(weights * 7))
    assert not np.allclose(seen[1], seen[2])


def test_one_sample_has_no_interval():
    centre, low, high = bootstrap(mean(np.array([3.0])), 1)
    assert centre == 3
    assert np.isnan(low)
    assert np.isnan(high)


def test_entries_that_are_undefined_in_some_or_all_draws():
    x = np.array([[1.0, np.nan], [2.0, np.nan], [4.0, np.nan]])

    def statistic(weights):
        with np.errstate(invalid="ignore"):
            return np.append(weights @ x, np.nan if weights[0] == 0 else 1.0)

    centre, low, high = bootstrap(statistic, 3)
    assert np.isnan(centre[1])
    assert np.isnan(low[1])
    assert (low[0], low[2], high[2]) == (pytest.approx(1.0), 1.0, 1.0)
    _, low, _ = bootstrap(lambda w: np.array(np.nan), 3)
    assert np.isnan(low)


@pytest.mark.parametrize("settings", [{"samples": 0}, {"draws": 0}, {"level": 1.0}, {"level": 0.0}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValueError, match="expected at least 1, 1, and a level between 0 and 1"):
        bootstrap(lambda w: 0.0, **{"samples": 3, **settings})
