"""Architectures of the transformers library: accepted ones give its own logits, padded and alone.

The others are refused at construction.
"""

import os
from collections import Counter

import pytest
import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from lk.networks import Transformer
from lk.networks.readable import readable

BERT = {
    "vocab_size": 50,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "initializer_range": 0.3,
}
# What sizes are called in the library's configurations.
SIZES = {
    16: "hidden_size d_model n_embd dim emb_dim embedding_size true_hidden_size projection_dim",
    2: "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_decoder_layers "
    "num_attention_heads n_head n_heads num_heads encoder_attention_heads decoder_attention_heads num_key_value_heads "
    "num_experts num_local_experts n_routed_experts num_experts_per_tok moe_topk n_group topk_group",
    32: "intermediate_size n_inner hidden_dim d_inner ffn_dim encoder_ffn_dim decoder_ffn_dim d_ff "
    "moe_intermediate_size shared_expert_intermediate_size ffn_hidden_size",
    8: (
        "head_dim d_kv d_head kv_lora_rank q_lora_rank qk_nope_head_dim v_head_dim linear_key_head_dim "
        "linear_value_head_dim mamba_d_state"
    ),
    4: "qk_rope_head_dim rotary_dim linear_num_key_heads linear_num_value_heads mamba_n_heads",
    50: "vocab_size entity_vocab_size",
    64: "max_position_embeddings n_positions",
}
OWN = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "reformer": {
        "attn_layers": ["local", "local"],
        "axial_pos_embds": False,
        "hidden_size": 16,
        "num_attention_heads": 2,
    },
    "longformer": {"attention_window": 4},
    "qwen3_next": {"layer_types": ["linear_attention", "full_attention"]},
    "qwen3_5_text": {"layer_types": ["linear_attention", "full_attention"]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lilt": {"hidden_size": 24, "channel_shrink_ratio": 4},
}
LARGEST = 20_000_000  # weights; what is not made smaller by these names is left out


def tiny(architecture):
    """A configuration as small as the names above make it."""
    kind = CONFIG_MAPPING[architecture]
    known, sizes = kind().to_dict(), {}
    for size, names in SIZES.items():
        for name in names.split():
            own = kind.attribute_map.get(name, name)
            if own in known and not isinstance(known[own], list | dict):
                sizes[own] = size
    if "initializer_range" in known:
        sizes["initializer_range"] = 0.3  # weights larger than the library's, so that every token counts
    return {**sizes, **OWN.get(architecture, {})}


def weights(architecture, sizes):
    with torch.device("meta"):
        model = transformers.AutoModelForSequenceClassification.from_config(
            CONFIG_MAPPING[architecture](**sizes, num_labels=2, pad_token_id=0)
        )
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def check(network):
    """Logits are the library's on full and padded rows, and on each row alone."""
    x = torch.tensor([[5, 6, 7, 9, 11, 13, 15, 17], [8, 9, 5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 20, 9, 6, 5]])
    network.eval()
    own = network.model(input_ids=x, attention_mask=(x != 0).long()).logits
    assert (network(x) - own).abs().max() <= 1e-5 * max(1, float(own.abs().max()))
    for row in x:
        alone = row[row != 0][None]
        try:
            own = network.model(input_ids=alone, attention_mask=torch.ones_like(alone)).logits
        except RuntimeError:  # Funnel itself does not pool so few words
            assert network.model.config.model_type == "funnel"
            continue
        assert (network(alone) - own).abs().max() <= 1e-5 * max(1, float(own.abs().max()))
    return x


@pytest.mark.parametrize(
    "architecture",
    [
        "bert",
        "distilbert",
        "xlnet",
        "gpt2",
        "roberta",
        "electra",
        "albert",
        "deberta-v2",
        "llama",
        "opt",
        "gemma",
        "xlm",
        "ctrl",
    ],
)
def test_logits_are_those_of_the_library(architecture):
    network = Transformer(architecture, tiny(architecture), pad=0, input_shape=(8,))
    x = check(network)
    frozen_copy = readable(network, network.layers, x, 2)
    with torch.no_grad():
        assert torch.allclose(frozen_copy(x), network(x), atol=1e-5)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "opt"])
def test_a_classifier_that_reads_the_last_word_does_not_read_padding(architecture):
    network = Transformer(architecture, tiny(architecture), pad=0, input_shape=(8,)).eval()
    with torch.no_grad():
        alone = network(torch.tensor([[5, 6, 7]]))
        for pads in (1, 5):
            assert torch.allclose(network(torch.tensor([[5, 6, 7] + [0] * pads])), alone, atol=1e-5)
        # An absent word is a word: the last one is read.
        gone = network(torch.tensor([[5, 6, -1, 0, 0]]))
        assert torch.allclose(gone, network(torch.tensor([[5, 6, -1]])), atol=1e-5)
        assert not torch.allclose(gone, network(torch.tensor([[5, 6, 0, 0, 0]])), atol=1e-3)


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ("fnet", "padding has a part in its logits"),
        ("convbert", "padding has a part in its logits"),
        ("bart", "its encoder and its decoder both read the input"),
        ("canine", "it has no table of word embeddings"),
        ("longformer", "embeds other tokens than it is given, or embeds them twice"),
    ],
)
def test_architectures_that_cannot_be_read_are_refused(architecture, reason):
    with pytest.raises(
        ValueError, match=f"expected a transformer that can be read, got {architecture}: .*{reason}.*Choose another"
    ):
        Transformer(architecture, tiny(architecture), pad=0, input_shape=(8,))


def test_positions_that_start_behind_the_padding_token():
    """RoBERTa counts positions from pad + 1: eight are not enough for eight tokens."""
    sizes = {**BERT, "max_position_embeddings": 8}
    with pytest.raises(
        ValueError,
        match=r"takes inputs of 8 tokens, got roberta with max_position_embeddings=8 .*Raise it, or lower max_length",
    ):
        Transformer("roberta", sizes, input_shape=(8,))
    network = Transformer("roberta", {**BERT, "max_position_embeddings": 10}, input_shape=(8,)).eval()
    assert network(torch.arange(2, 10)[None]).shape == (1, 2)


def test_the_check_draws_nothing_and_leaves_modes_and_weights():
    torch.manual_seed(0)
    first = Transformer("bert", BERT, input_shape=(7,))
    drawn = torch.rand(1)
    torch.manual_seed(0)
    transformers.AutoModelForSequenceClassification.from_config(transformers.BertConfig(**BERT, num_labels=2))
    assert torch.equal(torch.rand(1), drawn)
    assert first.training
    assert all(parameter.grad is None for parameter in first.parameters())


def test_absent_vectors_of_tables_narrower_than_the_network():
    network = Transformer("albert", {**BERT, "embedding_size": 4}, absent="mean", input_shape=(7,)).eval()
    assert network.embed(torch.tensor([[2, -1, 5]])).shape == (1, 3, 4)
    assert network(torch.tensor([[2, -1, 5]])).isfinite().all()


@pytest.mark.slow
def test_every_architecture(capsys):
    """All that the library can classify sequences with.

    Library's logits, refused with a reason, or not made small by this test.
    """
    found = {}
    for architecture in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        torch.manual_seed(0)
        try:
            sizes = tiny(architecture)
            count = weights(architecture, sizes)
            if count > LARGEST:
                raise MemoryError(f"{count:,} weights")
        except Exception as error:
            found[architecture] = ("not made small", f"{type(error).__name__}: {error}")
            continue
        try:
            network = Transformer(architecture, sizes, pad=0, input_shape=(8,))
        except ValueError as error:
            found[architecture] = (
                "refused" if str(error).startswith("expected a transformer that ") else "raised",
                str(error),
            )
            continue
        check(network)
        found[architecture] = ("accepted", f"{len(network.layers)} layers")
    with capsys.disabled():
        if os.environ.get("LK_SHOW"):
            for architecture, (what, why) in found.items():
                print(f"{architecture:20} {what:16} {' '.join(why.split())[:160]}")
        print(Counter(what for what, _ in found.values()))
    assert not [architecture for architecture, (what, _) in found.items() if what == "raised"]
    assert sum(what == "accepted" for what, _ in found.values()) >= 80
