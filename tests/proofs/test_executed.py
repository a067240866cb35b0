"""What is proven about the executed network holds for torch, in every precision, batch split and number of threads."""

import numpy as np
import pytest
import torch

from lk.groups import Symmetric
from lk.networks import GroupNetwork
from lk.proofs import Tables, brute_force, executed, tables_of

S3 = Symmetric(3)
PAIRS = torch.cartesian_prod(torch.arange(6), torch.arange(6))


def random_network(seed, activation, linear=True, scale=1.0):
    network = GroupNetwork(6, width=24, embedding=16, first_seed=seed, activation=activation, linear=linear).eval()
    with torch.no_grad():
        network.unembed *= scale
        network.bias *= scale
    return network


def gaps(logits):
    """Executed gap of each pair, exactly: the difference of two float32 in float64."""
    logits = logits.double().reshape(6, 6, 6).numpy()
    right = np.take_along_axis(logits, S3.table[..., None], 2)
    rest = np.where(np.arange(6) == S3.table[..., None], -np.inf, logits)
    return right[..., 0] - rest.max(2)


def truncated(table):
    """Ten bits of mantissa, the rest cut off: the coarsest TF32."""
    return torch.from_numpy((table.detach().numpy().view(np.int32) & ~0x1FFF).view(np.float32))


def tf32(network):
    """A forward pass in which every factor of a product is cut to TF32."""
    with torch.no_grad():
        stored = {name: parameter[0] for name, parameter in network.stored().items()}
        if "weight_left" in stored:
            left, right = (
                truncated(stored[f"embed_{side}"]) @ truncated(stored[f"weight_{side}"]) for side in ("left", "right")
            )
        else:
            left, right = stored["embed_left"], stored["embed_right"]
        hidden = network.hidden(truncated(left)[PAIRS[:, 0]] + truncated(right)[PAIRS[:, 1]])
        return truncated(hidden) @ truncated(stored["unembed"]).T + stored["bias"]


def forwards(network, precision):
    """Logits of all pairs, executed in several ways."""
    one_hot = torch.nn.functional.one_hot(PAIRS, 6).float()
    if precision == "tf32":
        return [tf32(network)]
    found = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        for given, size in ((PAIRS, 36), (one_hot, 36), (PAIRS, 7), (one_hot, 5)):
            found.append(torch.cat([network(batch) for batch in given.split(size)]))
        torch.set_num_threads(2)
        found.append(network(PAIRS))
        torch.set_num_threads(1)
    return found


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("activation", ["relu", "abs", "square"])
@pytest.mark.parametrize("linear", [True, False])
def test_executed_gaps_lie_above_their_bounds(precision, activation, linear):
    known, tight = 0, []
    for seed in range(10):
        network = random_network(seed, activation, linear, scale=2.0 ** (seed % 5 * 10 - 20))
        tables = tables_of({name: parameter[0].detach() for name, parameter in network.stored().items()}, activation)
        exact = brute_force(tables, S3).slack
        below = executed(tables, exact, precision)
        assert (below < exact).all()
        for logits in forwards(network, precision):
            found = gaps(logits)
            assert (found >= below).all()
        known += int((below > 0).sum())
        tight.append(
            np.median((exact - below) / np.maximum(np.abs(exact - gaps(forwards(network, precision)[0])), 1e-300))
        )
    if precision == "float32":
        assert known > 20  # some pairs of random networks are right by chance
    assert 1.0 < np.median(tight) < 1e4  # a bound that is always infinite would pass as well


def test_a_gap_below_the_rounding_is_not_certified():
    """Exactly, the answer is ahead by 2^-30 of the other logit; float32 computes a tie."""
    unembed = np.zeros((6, 2))
    unembed[:, 0], unembed[0, 1] = 1.0, 2.0**-30
    tables = Tables(np.ones((6, 2)), np.zeros((6, 2)), unembed, np.zeros(6))
    exact = brute_force(tables, S3)
    assert exact.accuracy == pytest.approx(1 / 6)
    below = {name: executed(tables, exact.slack, name) for name in ("float32", "tf32", "bfloat16")}
    assert all((slack <= 0).all() for slack in below.values())
    network = GroupNetwork(6, width=2, linear=False)
    with torch.no_grad():
        for name, table in (
            ("embed_left", tables.left),
            ("embed_right", tables.right),
            ("unembed", tables.unembed),
            ("bias", tables.bias),
        ):
            getattr(network, name)[0] = torch.from_numpy(np.array(table))
        assert (gaps(network(PAIRS)) <= 0).all()


def test_overflow_says_nothing():
    tables = Tables(np.full((6, 2), 2.0**60), np.zeros((6, 2)), np.full((6, 2), 2.0**60), np.arange(6.0), "square")
    assert np.isneginf(executed(tables, np.ones((6, 6)), "float32")).all()
    with pytest.raises(ValueError, match="expected precision as one of float32, tf32, bfloat16, got 'float16'"):
        executed(tables, np.ones((6, 6)), "float16")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_cancellation_in_the_folded_tables_is_paid_for(precision):
    """Two columns of 4096 cancel in the exact product.

    What they round in between is far more than the rest of the forward pass does.
    """
    worst = 0.0
    for seed in range(5):
        network = random_network(seed, "relu")
        with torch.no_grad():
            network.embed_left[..., 0], network.embed_left[..., -1] = 4096.0, -4096.0
            network.weight_left[:, -1] = network.weight_left[:, 0]
        tables = tables_of({name: parameter[0].detach() for name, parameter in network.stored().items()}, "relu")
        exact = brute_force(tables, S3).slack
        found = gaps(forwards(network, precision)[0])
        assert (found >= executed(tables, exact, precision)).all()
        worst = max(worst, np.abs(found - exact).max())
    assert worst > 1e-5  # such a network is off by more than float32 rounds elsewhere
