"""Transformers: the three architectures of the paper, absent embeddings, weights from a folder."""

import sys

import pytest
import torch
from safetensors.torch import save_file

from lk.layers import frozen, read_layers
from lk.networks import Transformer

BERT = {"vocab_size": 12, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 8}
SIZES = {
    "bert": BERT,
    "distilbert": {"vocab_size": 12, "dim": 8, "n_layers": 3, "n_heads": 2, "hidden_dim": 8},
    "xlnet": {"vocab_size": 12, "d_model": 8, "n_layer": 3, "n_head": 2, "d_inner": 8},
}
X = torch.tensor([[2, 5, 6, 7, 3, 0, 0], [2, 8, 9, 5, 6, 7, 3]])


@pytest.fixture(params=list(SIZES))
def network(request):
    # Weights larger than the library's, so that every token counts in the logits.
    return Transformer(
        request.param, {**SIZES[request.param], "initializer_range": 0.5}, pad=0, input_shape=(7,)
    ).eval()


def test_layers_are_read_batch_first_and_the_last_decides(network):
    frozen_copy = frozen(network)
    with torch.inference_mode(), read_layers(frozen_copy, frozen_copy.layers) as activations:
        logits = frozen_copy(X)
    assert tuple(activations) == ("layer1", "layer2", "layer3")
    assert {activation.shape for activation in activations.values()} == {(2, 7, 8)}
    assert not torch.equal(activations["layer1"], activations["layer2"])
    # Read alone, a sample gives its own row: the batch is the first axis.
    with torch.inference_mode(), read_layers(frozen_copy, frozen_copy.layers) as alone:
        assert torch.allclose(frozen_copy(X[1:]), logits[1:], atol=1e-4)
    assert torch.allclose(alone["layer2"][0], activations["layer2"][1], atol=1e-4)


def test_padding_is_not_attended_to(network):
    if network.model.config.model_type == "xlnet":
        short, padded = torch.tensor([[5, 6, 7, 3, 2]]), torch.tensor([[0, 0, 5, 6, 7, 3, 2]])  # on the left
    else:
        short, padded = X[:1, :5], X[:1]
    with torch.inference_mode():
        assert torch.allclose(network(short), network(padded), atol=1e-4)
        assert not torch.allclose(network(padded.where(padded != 0, 4)), network(padded), atol=1e-4)


def test_logits_from_embeddings(network):
    embedded = network.embed(X)
    assert embedded.shape == (2, 7, 8)
    embedded = embedded.detach().requires_grad_()
    logits = network.from_embedded(embedded, X)
    assert torch.equal(logits, network(X))
    logits.sum().backward()
    assert embedded.grad[1].abs().sum() > 0


def test_absent_tokens_are_embedded_as_asked(tmp_path):
    gone = X.where(X != 6, -1)
    vector = torch.arange(8.0)
    save_file({"vector": vector}, tmp_path / "absent.safetensors")
    mean = Transformer("bert", BERT, absent="mean", input_shape=(7,))
    for network, expected in (
        (Transformer("bert", BERT, input_shape=(7,)), torch.zeros(8)),
        (mean, mean.embeddings.mean(0)),
        (Transformer("bert", BERT, absent=str(tmp_path / "absent.safetensors"), input_shape=(7,)), vector),
    ):
        embedded = network.embed(gone)
        assert torch.equal(embedded[0, 2], expected)
        assert torch.equal(embedded[gone >= 0], network.embed(X)[gone >= 0])
        assert network.eval()(gone).isfinite().all()


def test_weights_from_a_folder(network, tmp_path):
    network.model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    again = Transformer(pretrained=str(tmp_path), pad=0, input_shape=(7,)).eval()
    assert again.layers == network.layers
    assert torch.equal(again(X), network(X))


def test_pickled_weights_are_refused(tmp_path):
    model = Transformer("bert", BERT, input_shape=(7,)).model
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(
        ValueError,
        match=r"expected a name .* or a folder with config.json and model.safetensors, got pretrained='",
    ):
        Transformer(pretrained=str(tmp_path), input_shape=(7,))


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)  # what import finds where the package is missing
    with pytest.raises(ModuleNotFoundError, match=r"'transformers'.*pip install layerwise-knowledge\[text\]"):
        Transformer("bert", BERT, input_shape=(7,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"architecture": "brt"}, r"expected an architecture of transformers, got architecture='brt'.*Did you mean 'b"),
        (
            {"config": {"hidden_sizes": 8}},
            r"expected settings of bert as config, got 'hidden_sizes'.*Did you mean 'hidden_size'",
        ),
        (
            {"config": {**BERT, "max_position_embeddings": 4}},
            r"expected inputs of at most 4 tokens, got 7.*Lower max_length",
        ),
        (
            {"config": BERT, "absent": "zero"},
            r"expected 'zeros', 'mean' or a safetensors file with one vector of 8.*got absent='zero'",
        ),
        (
            {"pretrained": "./nowhere"},
            r"expected a name on the Hugging Face hub or a.*got pretrained='\./nowhere' \(Repo id must use",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        Transformer(**{"input_shape": (7,), **arguments})


def test_token_beyond_the_vocabulary():
    with pytest.raises(ValueError, match=r"expected tokens from 0 to 11, got token 12.*Set vocab_size"):
        Transformer("bert", BERT, input_shape=(7,))(X + 3)


def test_vector_of_another_size(tmp_path):
    save_file({"vector": torch.zeros(5)}, tmp_path / "absent.safetensors")
    with pytest.raises(ValueError, match=r"expected one vector of 8 numbers, got \{'vector': \(5,\)\}"):
        Transformer("bert", BERT, absent=str(tmp_path / "absent.safetensors"), input_shape=(7,))
