"""What each verifier gives on networks that are known: built ones, ties, tampered and broken ones."""

import dataclasses

import numpy as np
import pytest

from lk.finders import ideal, margin, rho_set, sign_term
from lk.groups import Cyclic, Symmetric, irreps, subgroups
from lk.proofs import (
    Certificate,
    Clusters,
    CosetCluster,
    CosetExplanation,
    FourierExplanation,
    GSetExplanation,
    Tables,
    at,
    brute_force,
    cascade,
    coset,
    gset,
    irrep,
    load_explanation,
    lowrank,
    save_explanation,
    save_network,
    schur,
    separable,
)

S3, S4 = Symmetric(3), Symmetric(4)
RHO = {"S3": irreps(S3), "S4": irreps(S4)}


def fixed_lines(group, matrices):
    """Subgroups H, by index, that fix a line and are its stabiliser."""
    for subgroup in subgroups(group):
        subgroup = np.asarray(subgroup)
        fixed = matrices[subgroup].mean(0)
        if round(float(np.trace(fixed))) == 1:
            vector = np.linalg.eigh(fixed)[1][:, -1]
            if (np.abs(matrices @ vector - vector).max(1) < 1e-9).sum() == len(subgroup):
                yield group.order // len(subgroup), subgroup


def best_margin(group, matrices, points, draws=300):
    found = 0.0
    rng = np.random.default_rng(0)
    subgroup = dict(fixed_lines(group, matrices))[points]
    for _ in range(draws):
        direction = rng.normal(size=matrices.shape[1])
        part = rho_set(group, matrices, subgroup, direction / np.linalg.norm(direction))
        found = max(found, margin(GSetExplanation((part,), (), group.order, points**2), group))
    return found


@pytest.mark.parametrize(
    ("group", "dimension", "points", "expected"),
    [(S3, 2, 3, 1.297), (S4, 3, 4, 0.649), (S4, 3, 6, 0.845), (S4, 3, 6, 1.345), (S4, 3, 8, 1.684), (S4, 3, 12, 3.370)],
)
def test_margins_of_single_circuits(group, dimension, points, expected):
    """Groups.md, section 2: best of 300 directions.

    The two 3-dimensional irreps of S4 differ, so the nearer one is meant.
    """
    margins = []
    for representation in RHO[group.name]:
        if representation.dimension == dimension and points in dict(fixed_lines(group, representation.matrices)):
            margins.append(best_margin(group, representation.matrices, points))
    assert min(abs(value - expected) for value in margins) < 0.05 * expected


def built(scale=0.0, width=None, activation="relu"):
    """S3: the 2-dimensional circuit and a sign term."""
    matrices = next(r.matrices for r in RHO["S3"] if r.dimension == 2)
    sign = next(r.character for r in RHO["S3"] if r.character.min() < 0 and r.dimension == 1)
    subgroup = dict(fixed_lines(S3, matrices))[3]
    part = rho_set(S3, matrices, subgroup, np.array([1.0, 0.3]))
    term = sign_term(np.rint(sign).astype(int), first=9, both=0.5, mixed=-0.25)
    tables, explanation = ideal(S3, [part], [term], width, activation)
    rng = np.random.default_rng(0)
    arrays = [np.array(getattr(tables, name)) for name in ("left", "right", "unembed", "bias")]
    tables = Tables(*(array + scale * rng.normal(size=array.shape) for array in arrays), activation)
    return tables, explanation, FourierExplanation(tuple(r.matrices for r in RHO["S3"][1:]), 6, tables.width)


@pytest.mark.parametrize("scale", [0.0, 1e-3])
def test_built_networks_are_certified_by_all(scale):
    tables, explanation, fourier = built(scale)
    for certificate in (
        brute_force(tables, S3),
        gset(tables, S3, explanation),
        irrep(tables, S3, explanation),
        separable(tables, S3, explanation),
        schur(tables, S3, fourier),
        lowrank(tables, S3, 5),
    ):
        assert certificate.bound == 1.0, certificate.verifier
    assert brute_force(tables, S3).accuracy == 1.0
    assert gset(tables, S3, explanation).margin == pytest.approx(margin(explanation, S3))


@pytest.mark.parametrize("activation", ["abs", "square"])
def test_other_activations(activation):
    tables, explanation, fourier = built(1e-4, activation=activation)
    truth = brute_force(tables, S3).accuracy
    assert gset(tables, S3, explanation).bound == truth
    assert schur(tables, S3, fourier).bound == truth


def test_better_proofs_certify_more():
    tables, explanation, _ = built(0.03)
    assert irrep(tables, S3, explanation).bound <= gset(tables, S3, explanation).bound


def test_ties_are_wrong_and_found_exactly():
    """Half of the elements of Z4 cannot be told apart; nothing rounds, then everything does."""
    rng = np.random.default_rng(0)
    for scale in (1.0, 1 / 3):
        half = np.array([[1.0, 0.0], [0.0, 1.0]])[[0, 1, 0, 1]] * scale
        left = np.hstack([half, half])
        right = np.hstack([half, half[[1, 0, 1, 0]]]) * 0.1
        unembed = rng.normal(size=(2, 4))[[0, 1, 0, 1]]
        certificate = brute_force(Tables(left, right, unembed, np.zeros(4)), Cyclic(4))
        assert certificate.accuracy == 0.0
        assert not certificate.certified.any()


def test_differences_below_float64_are_decided():
    """Both logits are 2^60 in float64; in fact they differ by 2^-60."""
    tables = Tables(np.zeros((2, 2)), np.ones((2, 2)), np.array([[2.0**60, 2.0**-60], [2.0**60, 0.0]]), np.zeros(2))
    assert brute_force(tables, Cyclic(2)).certified.tolist() == [[True, False], [False, True]]
    centred = gset(tables, Cyclic(2), GSetExplanation((), (), 2, 2))  # knows nothing, but takes common constants away
    assert centred.certified.tolist() == [[True, False], [False, True]]


def test_rounding_attack():
    """The explanation is the network itself, its exact margin is zero, and a common offset makes rounding large."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(60):
        tables, explanation, _ = built()
        part = explanation.circuits[0]
        offset = 2.0 ** rng.integers(10, 30) * rng.random()
        kernel = np.full((3, 3), np.float32(rng.normal()))  # no information: all logits are equal
        scales = np.exp(rng.normal(size=9))
        part = dataclasses.replace(
            part, lam=part.lam + offset, mu=part.mu + offset * rng.random(), kernel=kernel, scales=scales
        )
        tables, explanation = ideal(S3, [part])
        truth = brute_force(tables, S3).certified
        wrong += int((gset(tables, S3, explanation).certified & ~truth).sum())
    assert wrong == 0


def test_bad_parts_are_dropped_alone():
    tables, explanation, _ = built()
    part = explanation.circuits[0]
    action = part.action_x.copy()
    action[1] = action[2]
    for broken, reason in (
        (dataclasses.replace(part, action_x=action), "no action"),
        (dataclasses.replace(part, lam=part.lam * np.nan), "not finite"),
        (dataclasses.replace(part, scales=-part.scales), "positive"),
        (dataclasses.replace(part, p=part.p * 0), "6 of 9 pairs"),
        (dataclasses.replace(part, q=part.q + 1), "outside"),
        (dataclasses.replace(part, neurons=part.neurons * 0), "twice"),
        (dataclasses.replace(part, neurons=part.neurons + 100), "outside"),
    ):
        certificate = gset(tables, S3, dataclasses.replace(explanation, circuits=(broken,)))
        assert reason in certificate.dropped[0]
        assert certificate.unexplained == tuple(range(9))


def test_errors_say_what_was_given():
    tables, explanation, fourier = built()
    with pytest.raises(ValueError, match="order 24"):
        brute_force(tables, S4)
    with pytest.raises(ValueError, match="width 99"):
        gset(tables, S3, dataclasses.replace(explanation, width=99))
    with pytest.raises(ValueError, match="width 99"):
        schur(tables, S3, dataclasses.replace(fourier, width=99))
    with pytest.raises(ValueError, match="theta = 1e"):
        schur(tables, S3, dataclasses.replace(fourier, theta=1e308))
    huge = Clusters(np.arange(tables.width), np.full(tables.width, 1e-300), np.full((5, tables.width), 1e300))
    with pytest.raises(ValueError, match="of at most 2"):
        schur(tables, S3, dataclasses.replace(fourier, clusters=huge))
    with pytest.raises(ValueError, match="gelu"):
        Tables(tables.left, tables.right, tables.unembed, tables.bias, "gelu")
    broken = np.array(tables.left)
    broken[2, 3] = np.nan
    with pytest.raises(ValueError, match=r"left\[2, 3\] = nan"):
        Tables(broken, tables.right, tables.unembed, tables.bias)
    with pytest.raises(ValueError, match="expected unembed of shape"):
        Tables(tables.left, tables.right, tables.unembed[:, :2], tables.bias)


def test_cosets():
    """A cluster that is constant on the parts of each input alone: everything is known, and the bound is exact."""
    tables, _, _ = built()
    one = np.arange(6)
    certificate = coset(
        tables, S3, CosetExplanation((CosetCluster(np.arange(tables.width), one, one),), 6, tables.width)
    )
    assert 0.0 < certificate.bound <= 1.0


def test_cascade_is_exact_and_lists_its_tiers():
    tables, explanation, fourier = built(0.2)
    certificate = cascade(tables, S3, explanation, fourier, rank=4)
    assert certificate.bound == certificate.accuracy == brute_force(tables, S3).accuracy
    bounds = [tier[1] for tier in certificate.tiers]
    assert bounds == sorted(bounds)
    assert at(certificate, 0.0) == 0.0
    assert at(certificate, 1e9) == certificate.bound


def test_verifiers_on_some_pairs_agree_with_all():
    tables, explanation, fourier = built(0.05)
    pairs = np.array([30, 7, 7, 8, 9, 10, 0])
    for verify in (
        lambda p: gset(tables, S3, explanation, p),
        lambda p: brute_force(tables, S3, p),
        lambda p: lowrank(tables, S3, 3, p),
    ):
        some, whole = verify(pairs).slack.ravel(), verify(None).slack.ravel()
        np.testing.assert_allclose(some[pairs], whole[pairs], atol=1e-5)
        assert np.isneginf(np.delete(some, pairs)).all()
    truth = brute_force(tables, S3).certified
    assert not (schur(tables, S3, fourier, pairs).certified & ~truth).any()


def test_loss_bound_holds():
    tables, explanation, _ = built(0.01)
    left, right, unembed, bias = tables.doubles()
    logits = np.einsum("xyi,zi->xyz", np.maximum(left[:, None] + right, 0), unembed) + bias
    loss = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, S3.table[..., None], -1)[..., 0]
    for certificate in (brute_force(tables, S3), gset(tables, S3, explanation)):
        assert (certificate.losses >= loss).all()
        assert certificate.loss_bound < np.log(6)


def test_certificates_are_stored(tmp_path):
    tables, explanation, _ = built(0.01)
    certificate, folder = gset(tables, S3, explanation), tmp_path / "gset"
    save_network(tables, S3, tmp_path)
    certificate.save(folder, "relu")
    again = Certificate.load(folder)
    assert again.summary() == certificate.summary()
    assert (again.slack == certificate.slack).all()
    assert sorted(path.name for path in folder.iterdir()) == ["certificate.json", "slack.safetensors"]


def test_explanations_are_stored(tmp_path):
    tables, explanation, fourier = built(0.01)
    labels, ones = np.arange(tables.width), np.ones(tables.width)
    fourier = dataclasses.replace(fourier, clusters=Clusters(labels, ones, np.zeros((5, tables.width))))
    cosets = CosetExplanation((CosetCluster(labels, np.arange(6), np.arange(6)),), 6, tables.width)
    for verify, given in ((gset, explanation), (schur, fourier), (coset, cosets)):
        save_explanation(given, tmp_path)
        again = load_explanation(tmp_path, order=6, width=tables.width)
        assert (verify(tables, S3, again).slack == verify(tables, S3, given).slack).all()
    with pytest.raises(ValueError, match="expected order 24"):
        load_explanation(tmp_path, order=24)
    (tmp_path / "explanation.json").write_text('{"kind": "CosetExplanation", "clusters": 7}')
    with pytest.raises(ValueError, match="holds no explanation"):
        load_explanation(tmp_path)
