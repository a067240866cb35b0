"""Intervals against scipy where Student's t is exact, published formulas for ratios, else simulated coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lk.metrics import divide, equal_weights, interval, jackknife
from lk.metrics.intervals import LEAST, LEVEL, stretch


def symmetric(n, seed=0, ends=1.0):
    """Numbers without skewness and with a kurtosis below three, for which the method is Student's t."""
    half = np.random.default_rng(seed).uniform(0.5, ends + 0.5, n // 2)
    return np.concatenate([half, -half])


# ---- the method
def test_of_a_mean_without_skewness_it_is_students_t():
    x = symmetric(20) + 0.3
    found = interval(jackknife(20) @ x)
    theirs = stats.ttest_1samp(x, 0)
    low, high = theirs.confidence_interval(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((0.3, low, high))
    assert found.p == pytest.approx(theirs.pvalue)


def test_the_longer_tail_has_the_longer_end():
    x = np.random.default_rng(0).lognormal(0, 1, 20)
    found, mirrored = interval(jackknife(20) @ x), interval(jackknife(20) @ -x)
    assert found.high - found.value > 1.3 * (found.value - found.low)
    assert [float(x) for x in mirrored] == pytest.approx(
        [-float(found.value), -float(found.high), -float(found.low), float(found.p)]
    )


def test_stretch_by_hand():
    """Skewness 1, 40 samples: the term of order 1 / sqrt(m), (2 * 1.96^2 + 1) / 6 / sqrt(40), counts twice."""
    t = stats.t.ppf(0.975, 39)
    by_hand = 1 + (2 * 1.96**2 + 1) / 6 / 40**0.5 * 2 / t
    assert stretch(np.array([1.0, -1.0]), np.array(40.0), np.array(39.0)).tolist() == pytest.approx([by_hand, 1.0])


def test_few_lognormal_samples_hardly_show_their_skewness():
    """By how much too small it comes out: what the last factor of `stretch` is for."""
    true = (np.e + 2) * (np.e - 1) ** 0.5
    for m, factor in ((10, 4.3), (20, 3.2), (30, 2.8), (100, 2.0)):
        x = np.random.default_rng(0).lognormal(size=(m, 10_000))
        assert true / np.median(stats.skew(x, bias=False)) == pytest.approx(factor, rel=0.1)


def test_one_sample_that_decides_all_has_few_degrees_of_freedom():
    x = np.append(np.linspace(-0.01, 0.01, 29), 1.0)
    found = interval(jackknife(30) @ x)
    assert found.low < 0 < found.high
    assert found.value - found.low > 5 * x.std(ddof=1) / 30**0.5  # t with one degree of freedom, not with 29


def test_the_error_of_a_ratio_is_that_of_the_delta_method():
    """Cochran, Sampling Techniques, Eq. 6.13, by hand."""
    rng = np.random.default_rng(3)
    whole = rng.uniform(1, 3, 400)
    part = whole * rng.uniform(0, 1, 400)
    weights = jackknife(400)
    found = interval(divide(weights @ part, weights @ whole))
    ratio = part.sum() / whole.sum()
    error = np.sqrt(((part - ratio * whole) ** 2).sum() / 399 / 400) / whole.mean()
    assert found.value == pytest.approx(ratio)
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 399) * error, rel=0.02)


def test_parts_that_move_together_leave_nothing_that_varies():
    part, weights = np.random.default_rng(3).uniform(1, 9, 30), jackknife(30)
    found = interval(divide(weights @ part, weights @ (2 * part)))
    assert found.value == pytest.approx(0.5)
    assert np.isnan([found.low, found.high]).all()
    assert found.p == 1


def test_differences_are_paired():
    x = np.random.default_rng(4).lognormal(0, 2, 12)
    shift = 0.1 + 0.01 * symmetric(12)
    assert interval(jackknife(12) @ (x + shift) - jackknife(12) @ x).low > 0


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 10_000), st.integers(6, 40), st.floats(0, 2), st.integers(0, 5), st.floats(-1, 1))
def test_p_and_interval_agree(seed, n, sigma, runs, shift):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(0, sigma, (n, runs or 1)) - np.exp(sigma**2 / 2) + shift + rng.normal(size=(1, runs or 1)) * 0.1
    measured = jackknife(n) @ x
    found = interval(measured.mean(1), *([measured[0]] if runs else []))
    if np.isfinite(found.low):
        assert found.low <= found.value <= found.high
        assert (found.p < LEVEL) == (found.low > 0 or found.high < 0)
    else:
        assert found.p == 1


def test_shapes_and_scales():
    x = np.random.default_rng(0).lognormal(size=(15, 2, 3))
    weights = jackknife(15)
    found = interval(np.tensordot(weights, x, 1))
    assert found.low.shape == found.p.shape == (2, 3)
    alone = interval(weights @ x[:, 1, 2])
    assert [float(x[1, 2]) for x in found] == pytest.approx([float(x) for x in alone])
    larger = interval(np.tensordot(weights, 1e6 * x, 1))
    np.testing.assert_allclose(larger.high, 1e6 * found.high)


# ---- refusal
@pytest.mark.parametrize("samples", [1, 2, LEAST - 1])
def test_too_few_samples_have_no_interval(samples):
    found = interval(jackknife(samples) @ np.arange(1.0, samples + 1))
    assert found.value == pytest.approx((samples + 1) / 2)
    assert np.isnan([found.low, found.high]).all()
    assert found.p == 1


def test_equal_weights_have_no_interval():
    found = interval(equal_weights(30) @ np.arange(30.0))
    assert float(found.value) == pytest.approx(14.5)
    assert np.isnan(found.low)


@pytest.mark.parametrize(("carried", "known"), [(LEAST - 1, False), (LEAST, True)])
def test_a_ratio_that_few_samples_carry_is_refused_and_so_is_what_is_made_of_it(carried, known):
    """30 samples, of which five have anything to say: 15 to 59 % of percentile intervals held the truth."""
    rng, weights = np.random.default_rng(0), jackknife(30)
    whole = np.where(np.arange(30) < carried, rng.lognormal(size=30), 0.0)
    ratio = divide(weights @ (whole * rng.random(30)), weights @ whole)
    common = weights @ rng.random(30)
    assert np.isfinite(interval(ratio).low) == known
    assert np.isfinite(interval(common - ratio).low) == known
    assert np.isfinite(interval(common - ratio).value)


def test_samples_that_carry_nothing_do_not_count():
    """Ten samples with a ratio, and twenty without: the interval is that of the ten."""
    rng = np.random.default_rng(1)
    whole = rng.lognormal(size=10)
    part = whole * rng.random(10)
    few, many = jackknife(10), jackknife(30)
    padded = [np.append(x, np.zeros(20)) for x in (part, whole)]
    alone, among = interval(divide(few @ part, few @ whole)), interval(divide(many @ padded[0], many @ padded[1]))
    assert [float(x) for x in among] == pytest.approx([float(x) for x in alone])


def test_undefined_without_one_sample_is_refused():
    replicates = jackknife(8) @ np.arange(8.0)
    replicates[3] = np.nan
    assert np.isnan(interval(replicates).low)
    assert interval(replicates).value == 3.5


def test_no_sample_at_all():
    with pytest.raises(ValueError, match="expected at least 1 sample, got samples=0"):
        jackknife(0)


# ---- runs
def test_runs_alone_are_welchs_test():
    """Hardly any spread over samples: what is left is the t test of the runs."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.5, 1, 4), rng.normal(0, 2, 3)
    small = 1e-6 * symmetric(12)
    weights = jackknife(12)
    found = interval(weights @ (a.mean() - b.mean() + small), a, b)
    theirs = stats.ttest_ind(a, b, equal_var=False)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-6)
    low, high = theirs.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


def test_two_runs_speak_for_themselves():
    x = jackknife(12) @ symmetric(12)
    assert interval(x, np.array([0.0, 100.0])).high == interval(x).high
    assert interval(x, np.array([0.0, 100.0, 50.0])).high > 50


# ---- coverage: what the method is for
def coverage(n, draw, truth, draws=4000, seed=0):
    """Share of intervals that hold the truth, and share that is given; all draws at once, as columns."""
    part, whole = draw(np.random.default_rng(seed), (n, draws))
    weights = jackknife(n)
    found = interval(divide(weights @ part, weights @ whole) - truth)
    given_ = np.isfinite(found.low)
    return ((found.low <= 0) & (found.high >= 0))[given_].mean(), given_.mean()


def ratios(rng, shape, share=1.0):
    whole = rng.lognormal(0, 0.5, shape) * (rng.random(shape) < share)
    return whole * rng.beta(2, 3, shape), whole


@pytest.mark.parametrize("n", [10, 20, 30])
@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng, shape: (rng.normal(size=shape), np.ones(shape)), 0.0),
        (
            lambda rng, shape: (rng.lognormal(size=shape), np.ones(shape)),
            np.exp(0.5),
        ),  # percentile intervals: 81, 86, 88 %
        (ratios, 0.4),  # 89, 92, 93 %
    ],
    ids=["normal", "lognormal", "ratio"],
)
def test_coverage(n, draw, truth):
    """Standard error of 4 000 draws at 93 %: 0.4."""
    held, given_ = coverage(n, draw, truth)
    assert given_ == 1
    assert 0.93 <= held <= 0.98


@pytest.mark.parametrize("n", [30, 100])
def test_coverage_of_a_ratio_whose_parts_are_in_a_tenth_of_the_samples(n):
    held, given_ = coverage(n, lambda rng, shape: ratios(rng, shape, 0.1), 0.4)
    assert held >= 0.93
    assert (given_ < 0.1) == (n == 30)
