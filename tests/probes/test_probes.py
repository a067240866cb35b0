import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch import nn

from lk.layers import NonFiniteError, read_layers
from lk.probes import Optimum, PaperSGD, Probes
from lk.probes.optimum import fit_logistic, moments
from lk.probes.probes import POOLINGS, Linear, collect, held_out, pooled
from lk.scores import log_odds
from lk.storage.describe import describe


class Branches(nn.Module):
    """Three layers that do not depend on each other, two of them of the same width; 12 inputs, 3 classes."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.a, self.b, self.c = nn.Linear(12, 6), nn.Linear(12, 6), nn.Sequential(nn.Linear(12, 20), nn.ReLU())
        self.output = nn.Linear(32, 3)

    def forward(self, x):
        return self.output(torch.cat([self.a(x), self.b(x), self.c(x)], 1))


def blobs(samples=90, classes=3, features=12, seed=0, spread=1.5):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(classes, features, generator=generator)
    y = torch.arange(samples) % classes
    return centres[y] + spread * torch.randn(samples, features, generator=generator), y


def batches(x, y, size=32):
    return list(zip(x.split(size), y.split(size), strict=True))


@pytest.fixture
def network():
    return Branches().eval().requires_grad_(False)


# ---- the default recipe
def objective(x, y, linear, l2):
    logits = ((x - linear.mean) / linear.scale) @ linear.weight.T + linear.bias
    return nn.functional.cross_entropy(logits, y) + l2 / 2 * linear.weight.square().sum()


@pytest.mark.parametrize(("classes", "l2", "spread"), [(2, 1e-2, 1.5), (3, 1e-3, 1.5), (3, 1e-4, 0.1), (5, 1e-4, 3.0)])
def test_optimum_is_that_of_scikit_learn(classes, l2, spread):
    x, y = blobs(100, classes, spread=spread)
    x[:, 3] *= 50  # features of very different sizes
    x[:, 4] += 1000
    found = fit_logistic(x, y, classes, l2, tolerance=1e-8)
    mean, scale = moments(x.double())
    standard = ((x.double() - mean) / scale).numpy()
    # Of two classes scikit-learn keeps one row, the difference of ours; equal and opposite halves pay half its penalty.
    C = (2 if classes == 2 else 1) / (l2 * len(x))
    oracle = LogisticRegression(C=C, tol=1e-12, max_iter=20000).fit(standard, y.numpy())
    # The constant that softmax does not see is free: rows are compared relative to the first.
    weight, bias = (found.weight - found.weight[:1])[1:].double(), (found.bias - found.bias[:1])[1:].double()
    expected_weight, expected_bias = torch.tensor(oracle.coef_), torch.tensor(oracle.intercept_)
    if classes > 2:
        expected_weight, expected_bias = (
            (expected_weight - expected_weight[:1])[1:],
            (expected_bias - expected_bias[:1])[1:],
        )
    assert torch.allclose(weight, expected_weight, rtol=1e-4, atol=1e-4 * float(expected_weight.abs().max()))
    assert torch.allclose(bias, expected_bias, rtol=1e-4, atol=1e-4)
    probabilities = Probes({"l": found})({"l": x})["l"].softmax(1)
    assert torch.allclose(probabilities.double(), torch.tensor(oracle.predict_proba(standard)), atol=1e-4)


def exact_optimum(x, y, classes, l2):
    """Weight and bias by damped Newton steps on gradients in extended precision, as `numpy.longdouble`.

    A dense solve in double finds each step.
    """
    x, n, d = np.hstack([x, np.ones((len(x), 1))]).astype(np.longdouble), len(x), x.shape[1]
    targets, penalty = np.eye(classes, dtype=np.longdouble)[y], np.append(np.full(d, l2), 0).astype(np.longdouble)

    def at(theta):
        z = x @ theta.T
        z -= z.max(1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
        return np.exp(log_p), -(log_p * targets).sum() / n + (penalty * theta**2).sum() / 2

    theta = np.zeros((classes, d + 1), dtype=np.longdouble)
    p, value = at(theta)
    for _ in range(300):
        gradient = ((p - targets).T @ x / n + penalty * theta).ravel()
        if np.linalg.norm(gradient.astype(float)) < 1e-8 * l2 * max(1.0, np.linalg.norm(theta[:, :-1].astype(float))):
            return theta[:, :-1], theta[:, -1]
        curvature = np.einsum("ia,ab,ij,ik->ajbk", p, np.eye(classes), x, x, optimize=True)
        z = np.einsum("ia,ij->iaj", p, x).reshape(n, -1)
        hessian = (curvature.reshape(len(gradient), -1) - z.T @ z) / n + np.diag(np.tile(penalty, classes))
        gauge = np.tile(np.append(np.zeros(d), 1), classes)  # a number added to all biases changes nothing
        hessian = (hessian + np.outer(gauge, gauge)).astype(float)
        scale = np.sqrt(np.diag(hessian))
        step = np.linalg.solve(hessian / np.outer(scale, scale), gradient.astype(float) / scale) / scale
        length = 1.0
        while (trial := at(theta - length * step.reshape(theta.shape)))[1] > value * (1 + 1e-18) and length > 1e-9:
            length /= 2
        theta, (p, value) = theta - length * step.reshape(theta.shape), trial
    raise AssertionError(f"the oracle stopped at a gradient of {np.linalg.norm(gradient.astype(float))}")


@pytest.mark.parametrize("l2", [10.0**-k for k in range(1, 10)])
@pytest.mark.parametrize(
    ("classes", "features", "spread"),
    [(2, 12, 1.5), (3, 12, 1.5), (3, 12, 0.05), (5, 6, 3.0), (3, 60, 3.0)],
    ids=["two", "three", "separable", "not separable", "as wide as separable"],
)
def test_log_odds_are_those_of_the_optimum_at_every_penalty(classes, features, spread, l2):
    x, y = blobs(100, classes, features, spread=spread)
    x[:, 3] *= 50
    x[:, 4] += 10  # more, and a product in single precision would lose what the fit finds
    found = fit_logistic(x, y, classes, l2, tolerance=1e-6)
    standard = ((x.double() - found.mean.double()) / found.scale.double()).numpy()
    weight, bias = exact_optimum(standard, y.numpy(), classes, l2)
    expected = standard @ weight.T + bias
    logits = standard @ found.weight.double().numpy().T + found.bias.double().numpy()
    off = (logits - logits.mean(1, keepdims=True)) - (expected - expected.mean(1, keepdims=True))
    largest = float(np.abs(expected - expected.mean(1, keepdims=True)).max())
    assert float(np.abs(off).max()) < 2e-6 * largest
    assert float(np.linalg.norm(found.weight.numpy() - weight)) < 2e-6 * float(np.linalg.norm(weight))
    if l2 >= 1e-5:  # below, no solver of scikit-learn comes as near
        C = (2 if classes == 2 else 1) / (l2 * len(x))
        oracle = (
            LogisticRegression(C=C, tol=1e-13, max_iter=100000).fit(standard, y.numpy()).decision_function(standard)
        )
        oracle = np.stack([-oracle / 2, oracle / 2], 1) if classes == 2 else oracle - oracle.mean(1, keepdims=True)
        assert float(np.abs(logits - logits.mean(1, keepdims=True) - oracle).max()) < 1e-5 * largest
    said = Probes({"l": found})({"l": x})["l"].double().numpy()
    assert (
        float(np.abs(said - said.mean(1, keepdims=True) - expected + expected.mean(1, keepdims=True)).max())
        < 1e-5 * largest
    )


def test_gradient_norm_is_reached_and_is_the_gradient_of_the_stated_objective():
    x, y = blobs()
    found = fit_logistic(x, y, 3, l2=1e-3, tolerance=1e-7)
    assert found.gradient_norm <= 1e-7
    linear = Linear(
        found.weight.double().requires_grad_(),
        found.bias.double().requires_grad_(),
        found.mean.double(),
        found.scale.double(),
    )
    objective(x.double(), y, linear, 1e-3).backward()
    # 1e-7 in double precision; the classifier is stored in single.
    assert math.hypot(linear.weight.grad.norm(), linear.bias.grad.norm()) < 1e-5


def test_the_norm_that_was_reached_is_stored_where_the_evaluations_run_out():
    x, y = blobs()
    found = fit_logistic(x, y, 3, l2=1e-6, tolerance=1e-12, max_iterations=5)
    assert 2 <= found.iterations <= 5
    assert found.gradient_norm > 1e-12


def test_separable_features_have_an_optimum():
    x, y = blobs(spread=0.01)
    found = fit_logistic(x, y, 3, l2=1e-4, tolerance=1e-6)
    assert found.gradient_norm <= 1e-6
    assert found.weight.isfinite().all()


def test_optimum_does_not_depend_on_scale_shift_or_order_of_the_samples():
    x, y = blobs()
    first = fit_logistic(x, y, 3, 1e-3, 1e-9)
    shift = torch.randn(12)
    order = torch.randperm(len(y))
    second = fit_logistic((100 * x + shift)[order], y[order], 3, 1e-3, 1e-9)
    assert torch.allclose(first.weight, second.weight, atol=1e-4)
    assert torch.allclose(first.bias, second.bias, atol=1e-4)


def test_moments_give_samples_of_norm_1_and_spare_units_that_hardly_vary():
    x = torch.randn(500, 30) * torch.logspace(0, 1, 30)
    x[:, 7] = 2.0
    x[:, 8] = 2.0 + 1e-3 * torch.randn(500)
    mean, scale = moments(x)
    standard = (x - mean) / scale
    assert float(standard.square().sum(1).mean()) == pytest.approx(28 / 30, rel=1e-3)
    deviations = x[:, [i for i in range(30) if i != 7]].std(0, correction=0)
    for spared in (7, 8):
        assert float(scale[spared]) == pytest.approx(
            float(deviations.quantile(0.75, interpolation="lower")) / 100 * math.sqrt(30), rel=1e-4
        )
    assert (standard[:, 7] == 0).all()


@pytest.mark.parametrize("features", [2, 3, 12])
@pytest.mark.parametrize("size", [1e-4, 1e4, 1e8])
def test_one_feature_of_another_size_does_not_silence_the_others(features, size):
    x, y = blobs(300, 3, features, spread=0.2)
    alone = fit_logistic(x[:, 1:], y, 3, 1e-4, 1e-7)
    x[:, 0] *= size
    found = fit_logistic(x, y, 3, 1e-4, 1e-7)
    hits = [
        float((Probes({"l": f})({"l": part})["l"].argmax(1) == y).float().mean())
        for f, part in ((found, x), (alone, x[:, 1:]))
    ]
    assert hits[0] >= hits[1]
    assert torch.allclose(found.scale[1:], alone.scale * math.sqrt(features / (features - 1)))


@pytest.mark.parametrize("size", [1e-20, 1.0, 1e10])
def test_the_size_of_a_layer_is_nothing_to_a_probe(size):
    x, y = blobs()
    one, other = fit_logistic(x, y, 3, 1e-4, 1e-8), fit_logistic(x.double() * size, y, 3, 1e-4, 1e-8)
    assert torch.allclose(one.weight, other.weight, rtol=1e-4, atol=1e-4)


def test_noise_of_rounding_is_not_blown_up():
    """A layer whose samples differ in the last bits of single precision knows nothing."""
    x, y = 1 + torch.randint(-1, 2, (90, 12)) * 2.0**-23, torch.arange(90) % 3
    found = fit_logistic(x, y, 3, 1e-4, 1e-6)
    assert float(((x - found.mean) / found.scale).norm(dim=1).max()) < 0.2


def test_a_dead_layer_gives_the_class_frequencies():
    y = torch.tensor([0, 0, 0, 1])
    found = fit_logistic(torch.zeros(4, 5), y, 2, 1e-4, 1e-9)
    probes = Probes({"dead": found})
    logits = probes({"dead": torch.zeros(1, 5)})["dead"]
    assert logits.softmax(1)[0].tolist() == pytest.approx([0.75, 0.25], abs=1e-5)
    # A unit that never fired in training says nothing when a masked sample makes it fire.
    assert torch.equal(probes({"dead": torch.ones(1, 5)})["dead"], logits)


# ---- all layers in one pass
@pytest.mark.parametrize("recipe", [Optimum(), PaperSGD(epochs=3)], ids=["optimum", "paper"])
def test_all_layers_in_one_pass_equal_each_layer_alone(network, recipe):
    x, y = blobs()
    together = recipe.fit(network, ["a", "b", "c"], batches(x, y), 3)
    assert together.layers == ("a", "b", "c")
    for layer in together.layers:
        alone = recipe.fit(network, [layer], batches(x, y), 3).linears[layer]
        for part in ("weight", "bias", "mean", "scale"):
            assert torch.equal(getattr(together.linears[layer], part), getattr(alone, part)), (layer, part)


def test_one_forward_pass_for_all_layers(network):
    x, y = blobs()
    passes = []
    network.register_forward_pre_hook(lambda *_: passes.append(1))
    Optimum().fit(network, ["a", "b", "c"], batches(x, y), 3)
    assert len(passes) == len(batches(x, y))


def test_batches_do_not_matter(network):
    x, y = blobs()
    small, whole = (
        Optimum(tolerance=1e-6).fit(network, ["c"], batches(x, y, size), 3).linears["c"] for size in (7, 90)
    )
    assert torch.allclose(small.weight, whole.weight, rtol=1e-3, atol=1e-3)


def test_network_is_not_changed(network):
    x, y = blobs()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    for recipe in (Optimum(), PaperSGD(epochs=1)):
        recipe.fit(network, ["a", "c"], batches(x, y), 3)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_collect_keeps_samples_in_order(network):
    x, y = blobs()
    features, labels = collect(network, ["a"], batches(x, y, 7), "flatten")
    assert torch.allclose(features["a"], network.a(x), atol=1e-6)
    assert torch.equal(labels, y)


def test_nan_activations_name_layer_and_training_sample(network):
    x, y = blobs()
    x[40, 0] = torch.nan
    with pytest.raises(
        NonFiniteError, match=r"expected finite activations, got NaN or infinity of layer 'a' on sample 40 \(1 of"
    ):
        Optimum().fit(network, ["a"], batches(x, y), 3)


@pytest.mark.parametrize("recipe", [Optimum(), PaperSGD()], ids=["optimum", "paper"])
def test_labels_out_of_range(network, recipe):
    x, y = blobs()
    with pytest.raises(ValueError, match="expected labels from 0 to 1, got label 2 at place 2 of 90"):
        recipe.fit(network, ["a"], batches(x, y), 2)


# ---- the paper's recipe
def test_paper_sgd_is_reproducible_and_its_seed_matters(network):
    x, y = blobs()
    first, again, other = (
        PaperSGD(epochs=2, seed=seed).fit(network, ["a", "c"], batches(x, y), 3) for seed in (0, 0, 1)
    )
    for layer in ("a", "c"):
        assert torch.equal(first.linears[layer].weight, again.linears[layer].weight)
        assert not torch.equal(first.linears[layer].weight, other.linears[layer].weight)
    starts = PaperSGD(lr=1e-30, epochs=1).fit(network, ["a", "b"], batches(x, y), 3).linears
    assert not torch.equal(
        starts["a"].weight, starts["b"].weight
    )  # of the same width, yet each with a start of its own
    assert first.linears["a"].iterations == 2
    assert math.isnan(first.linears["a"].gradient_norm)


def test_paper_sgd_does_not_draw_from_the_global_stream(network):
    x, y = blobs()
    torch.manual_seed(5)
    PaperSGD(epochs=1).fit(network, ["a"], batches(x, y), 3)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


def test_paper_sgd_is_plain_sgd_with_momentum(network):
    x, y = blobs(64)
    recipe = PaperSGD(lr=0.1, momentum=0.9, epochs=3, batch_size=64, seed=2)
    start = PaperSGD(lr=1e-30, epochs=1, batch_size=64, seed=2).fit(network, ["a"], batches(x, y), 3).linears["a"]
    weight, bias = start.weight.clone(), start.bias.clone()
    velocity = [torch.zeros_like(weight), torch.zeros_like(bias)]
    features, target = network.a(x), nn.functional.one_hot(y).float()
    for _ in range(3):  # one batch holds everything, so the order of the samples does not matter
        residual = ((features @ weight.T + bias).softmax(1) - target) / len(x)
        for v, gradient in zip(velocity, (residual.T @ features, residual.sum(0)), strict=True):
            v.mul_(0.9).add_(gradient)
        weight, bias = weight - 0.1 * velocity[0], bias - 0.1 * velocity[1]
    found = recipe.fit(network, ["a"], batches(x, y), 3).linears["a"]
    assert torch.allclose(found.weight, weight, atol=1e-6)
    assert torch.allclose(found.bias, bias, atol=1e-6)


# ---- applying
@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(2, 4), st.integers(0, 1000))
def test_standardisation_is_folded_correctly(features, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    linear = Linear(
        torch.randn(classes, features, generator=generator),
        torch.randn(classes, generator=generator),
        torch.randn(features, generator=generator),
        torch.rand(features, generator=generator) + 0.1,
    )
    x = torch.randn(7, features, generator=generator)
    expected = ((x - linear.mean) / linear.scale) @ linear.weight.T + linear.bias
    assert torch.allclose(Probes({"l": linear})({"l": x})["l"], expected, atol=1e-4)


def test_probes_on_the_network_classify(network):
    x, y = blobs(spread=0.7)
    probes = Optimum().fit(network, ["a", "c"], batches(x, y), 3)
    with read_layers(network, ["a", "c"]) as activations:
        network(x)
    for logits in probes(activations).values():
        assert (logits.argmax(1) == y).float().mean() > 0.8
        assert (log_odds(logits, y) > 0).float().mean() > 0.8


@pytest.mark.parametrize(
    ("shape", "pooling", "expected"),
    [
        ((2, 3, 8, 6), "flatten", 144),
        ((2, 3, 8, 6), "mean", 3),
        ((2, 3, 8, 6), "grid4", 48),
        ((2, 3, 2, 3), "grid4", 18),
        ((2, 5, 7), "mean", 7),
        ((2, 5, 7), "grid4", 35),
        ((2, 9), "mean", 9),
        ((2, 9), "grid4", 9),
        ((2, 5, 7), "first", 7),
        ((2, 5, 7), "last", 7),
        ((2, 9), "first", 9),
    ],
)
def test_pooled_shapes(shape, pooling, expected):
    assert pooled(torch.randn(shape), pooling).shape == (2, expected)


def test_pooled_takes_one_token_of_each_sample():
    tokens = torch.arange(12.0).view(2, 3, 2)
    assert pooled(tokens, "first").tolist() == [[0, 1], [6, 7]]
    assert pooled(tokens, "last").tolist() == [[4, 5], [10, 11]]
    assert pooled(tokens, "mean").tolist() == [[2, 3], [8, 9]]


def test_pooled_values():
    x = torch.arange(64.0).reshape(1, 1, 8, 8)
    assert pooled(x, "mean").tolist() == [[31.5]]
    assert pooled(x, "grid4")[0, 0].item() == x[0, 0, :2, :2].mean()
    tokens = torch.randn(2, 5, 7)
    assert torch.equal(pooled(tokens, "mean"), tokens.mean(1))


# ---- files
@pytest.fixture
def fitted(network):
    x, y = blobs()
    probes = Optimum(pooling="mean").fit(network, ["a", "c"], batches(x, y), 3)
    probes.recipe = describe(Optimum(1e-4))
    return probes


def test_save_and_load_are_equal(fitted, tmp_path):
    fitted.save(tmp_path / "p" / "probes.safetensors")
    loaded = Probes.load(tmp_path / "p" / "probes.safetensors")
    assert (loaded.layers, loaded.pooling, loaded.recipe) == (fitted.layers, fitted.pooling, fitted.recipe)
    for layer, linear in fitted.linears.items():
        for part in ("weight", "bias", "mean", "scale"):
            assert torch.equal(getattr(loaded.linears[layer], part), getattr(linear, part))
        assert loaded.linears[layer].gradient_norm == linear.gradient_norm
        assert loaded.linears[layer].iterations == linear.iterations
    x = {"a": torch.randn(4, 6), "c": torch.randn(4, 20)}
    assert all(torch.equal(loaded(x)[layer], fitted(x)[layer]) for layer in x)


def test_nan_gradient_norm_survives_the_file(network, tmp_path):
    x, y = blobs()
    PaperSGD(epochs=1).fit(network, ["a"], batches(x, y), 3).save(tmp_path / "probes.safetensors")
    assert math.isnan(Probes.load(tmp_path / "probes.safetensors").linears["a"].gradient_norm)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_truncated_file(fitted, tmp_path, keep):
    path = tmp_path / "probes.safetensors"
    fitted.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"probes.safetensors is truncated or holds no probes .* fit the probes again"):
        Probes.load(path)


def test_file_of_something_else(tmp_path):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="holds no probes"):
        Probes.load(tmp_path / "other.safetensors")


def test_probes_of_another_network(fitted):
    with pytest.raises(ValueError, match=r"expected 6 features of layer 'a', those its probe.*got 7"):
        fitted({"a": torch.zeros(1, 7), "c": torch.zeros(1, 20)})


# ---- settings
@pytest.mark.parametrize(
    ("recipe", "settings", "message"),
    [
        (Optimum, {"pooling": "max"}, rf"expected pooling in \[{', '.join(map(repr, POOLINGS))}\], got pooling='max'"),
        (Optimum, {"max_samples": 1}, "expected max_samples of at least 2, got max_samples=1"),
        (Optimum, {"l2": 0}, "expected l2 and tolerance above 0, got l2=0, tolerance=1e-06"),
        (Optimum, {"tolerance": -1}, r"expected l2 and tolerance above 0, got l2=0\.0001, tolerance=-1"),
        (
            PaperSGD,
            {"lr": 0},
            r"expected lr > 0, 0 <= momentum < 1, epochs >= 1,.*got lr=0, momentum=0\.9, epochs=10, batch_size=256",
        ),
        (PaperSGD, {"epochs": 0}, "epochs=0"),
        (PaperSGD, {"batch_size": 0}, "batch_size=0"),
        (PaperSGD, {"momentum": 1}, "momentum=1"),
    ],
)
def test_settings_out_of_range(recipe, settings, message):
    with pytest.raises(ValueError, match=message):
        recipe(**settings)


# ---- classes without samples
@pytest.mark.parametrize("tolerance", [1e-4, 1e-5, 1e-6, 1e-8])
@pytest.mark.parametrize(("shift", "classes"), [(1, 3), (0, 3), (3, 10)])
def test_labels_of_two_of_more_classes_give_the_log_odds_of_two(tolerance, shift, classes):
    x, y = blobs(classes=2)
    two, more = fit_logistic(x, y, 2, 1e-4, tolerance), fit_logistic(x, y + shift, classes, 1e-4, tolerance)
    assert more.gradient_norm == two.gradient_norm <= tolerance
    few, many = (Probes({"l": found})({"l": x})["l"] for found in (two, more))
    assert torch.allclose(log_odds(few, y), log_odds(many, y + shift), rtol=1e-6, atol=1e-6)
    assert torch.allclose(few.softmax(1), many.softmax(1)[:, shift : shift + 2])


@pytest.mark.parametrize("recipe", [Optimum(), PaperSGD(epochs=2)], ids=["optimum", "paper"])
def test_classes_without_samples_have_no_part_in_a_fit(network, recipe, tmp_path):
    x, y = blobs(classes=2)
    two = recipe.fit(network, ["a"], batches(x, y), 2)
    three = recipe.fit(network, ["a"], batches(x, y + 1), 3)
    three.save(tmp_path / "probes.safetensors")
    for probes in (three, Probes.load(tmp_path / "probes.safetensors")):
        assert torch.equal(probes.linears["a"].weight[1:], two.linears["a"].weight)
        activations = {"a": network.a(x)}
        assert torch.equal(log_odds(probes(activations)["a"], y + 1), log_odds(two(activations)["a"], y))
        probes.check_seen(y + 1)
        with pytest.raises(
            ValueError,
            match=r"class that the probes were fitted on \(1, 2\), got class 0 to score. Give labelled samples of it",
        ):
            probes.check_seen(y)


def test_one_class_is_nothing_to_tell_apart(network):
    x, y = blobs()
    for recipe in (Optimum(), PaperSGD(epochs=1)):
        with pytest.raises(
            ValueError, match=r"samples of two classes or more to fit a probe on, got class \[2\] alone"
        ):
            recipe.fit(network, ["a"], batches(x, torch.full_like(y, 2)), 3)


# ---- types
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("recipe", [Optimum(), PaperSGD(lr=0.1)], ids=["optimum", "paper"])
def test_networks_of_other_types(network, recipe, dtype):
    x, y = blobs()
    network = network.to(dtype)
    probes = recipe.fit(network, ["a", "c"], batches(x.to(dtype), y.int()), 3)
    assert probes.weight0.dtype == torch.float32
    with read_layers(network, ["a"]) as activations:
        network(x.to(dtype))
    assert (probes(activations)["a"].argmax(1) == y).float().mean() > 0.5


# ---- held out
def test_held_out_accuracy_is_that_of_samples_that_were_not_fitted(network):
    x, y = blobs(100, spread=0.5)
    table = held_out(Optimum(), network, ["a", "c"], x, y, 3)
    assert table["layer"].tolist() == ["a", "c"]
    assert table["samples"].tolist() == [18, 18]  # every fifth of 34, 33 and 33
    assert table["fitted"].tolist() == [82, 82]
    assert (table["accuracy"] > 0.9).all()
    assert not table["at_chance"].any()
    # Labels that say nothing are learned by heart, and guessed on the others.
    shuffled = y[torch.randperm(100)]
    found = Optimum(l2=1e-9).fit(network, ["c"], batches(x, shuffled), 3)
    with read_layers(network, ["c"]) as activations:
        network(x)
    assert (found(activations)["c"].argmax(1) == shuffled).float().mean() > 0.55
    assert held_out(Optimum(l2=1e-9), network, ["c"], x, shuffled, 3)["at_chance"].all()
