"""`lk.explain` on modules, labels and batches as people have them."""

import pytest
import torch
import transformers
from torch import nn
from torch.nn import functional as F

import lk
from lk.games import Columns
from lk.games.maskers import Token
from lk.scores import NamedClass, OfActivation, PredictedClass, Unit

X = torch.randn(120, 4, generator=torch.Generator().manual_seed(1))
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).long()


class Own(nn.Module):
    """relu behind a linear layer, by the function given."""

    def __init__(self, activation=F.relu, outputs=2):
        super().__init__()
        self.a, self.o, self.activation = nn.Linear(4, 8), nn.Linear(8, outputs), activation

    def forward(self, x):
        return self.o(self.activation(self.a(x)))


def effects(model, layers=("a",), x=X, y=Y, **settings):
    found = lk.explain(model, list(layers), x, y, **{"players": "columns", **settings})
    return found.interactions.and_, found.interactions.or_


def same(one, other, tolerance=0.0):
    return all(bool((a - b).abs().max() <= tolerance) for a, b in zip(one, other, strict=True))


def through_data(h):
    h.data.relu_()
    return h


def through_view(h):
    h.view(-1).relu_()
    return h


@pytest.mark.parametrize(
    "activation",
    [lambda h: F.relu(h, inplace=True), lambda h: h.relu_(), through_view, through_data],
    ids=["function", "method", "view", "data"],
)
def test_functions_that_work_in_place_do_not_change_what_is_read(activation):
    torch.manual_seed(0)
    model, plain = Own(activation), Own()
    plain.load_state_dict(model.state_dict())
    assert same(effects(model), effects(plain))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_modules_of_other_types(dtype):
    torch.manual_seed(0)
    model = Own().to(dtype)
    plain = Own()
    plain.load_state_dict(model.state_dict())
    assert same(effects(model), effects(plain), 1e-3 if dtype == torch.float64 else 1.0)


def test_kept_tensors():
    class Keeps(Own):
        def forward(self, x):
            self.h = self.a(x)
            return {"logits": self.o(self.h.relu())}

    torch.manual_seed(0)
    model, plain = Keeps(), Own()
    plain.load_state_dict(model.state_dict())
    model(X)
    assert same(effects(model), effects(plain))
    assert not model.h.is_leaf  # the module's own


def test_hugging_face_models_of_tokens_and_images():
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    bert = transformers.BertForSequenceClassification(
        transformers.BertConfig(vocab_size=30, initializer_range=0.5, **sizes)
    )
    tokens = torch.randint(1, 30, (60, 4))
    labels = (tokens[:, 1] > 15).long()
    found = lk.explain(bert, ["bert.encoder.layer.0"], tokens, labels, Columns(), masker=Token(0), kappa=0).interactions
    assert found.layers == ("bert.encoder.layer.0", "output")
    with torch.no_grad():
        logits = bert.eval()(input_ids=tokens[:1]).logits[0]
    # All effects add up to the score of the unmasked sample: the library's own logits.
    score = logits[labels[0]] - logits[1 - labels[0]]
    assert float((found.and_ + found.or_)[:, -1, 0].sum()) == pytest.approx(float(score), rel=1e-3)
    vit = transformers.ViTForImageClassification(
        transformers.ViTConfig(**sizes, image_size=6, patch_size=2, num_channels=1)
    )
    images = torch.rand(60, 1, 6, 6)
    found = lk.explain(vit, ["vit.layernorm"], images, (images[:, 0, 0, 0] > 0.5).long())
    assert found.interactions.n_players == 9


def test_token_numbers_have_no_mean():
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(16, 2))
    tokens = torch.randint(0, 9, (60, 4))
    for masker in (None, Token("mask")):
        with pytest.raises(
            ValueError, match=r"a masker for inputs of torch.int64, got .*Pass masker=Token\(number of the mask token\)"
        ):
            lk.explain(model, ["0"], tokens, torch.arange(60) % 2, masker=masker)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            ["a", "output"],
            r"expected each layer once and without 'output',.*got layers=\['a', 'output'\]",
        ),
        (["a", "a"], r"expected each layer once and without 'output',.*got layers=\['a', 'a'\]"),
        ("a", r"expected a list of layer names, got layers='a'. Write \['a'\]"),
    ],
    ids=["output", "twice", "text"],
)
def test_layers_that_cannot_be_told_apart(layers, message):
    model = Own()
    model.output = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=message):
        lk.explain(model, layers, X, Y, players="columns")


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.bool, torch.float32])
def test_labels_of_any_type(dtype):
    model = Own()
    assert same(effects(model, y=Y.to(dtype)), effects(model))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y + 0.5, r"expected whole class numbers, got the label \d.5. Number the classes from 0"),
        (F.one_hot(Y, 2), r"one class number per sample, got labels of shape \(120, 2\). Use argmax"),
        (Y + 1, "expected labels from 0 to 1, got label 2 at place 1 of 120"),
    ],
    ids=["halves", "one hot", "from 1"],
)
def test_labels_that_number_no_class(y, message):
    with pytest.raises(ValueError, match=message):
        effects(Own(), y=y)


def test_classes_are_those_of_the_logits():
    """With ten logits and labels 0 and 1 the probes know two classes, and no log-odds of the others."""
    torch.manual_seed(0)
    model = Own(outputs=10)
    found = lk.explain(model, ["a"], X, Y, players="columns")
    assert found.probes.linears["a"].weight.shape == (10, 8)
    with pytest.raises(
        ValueError, match=r"class that the probes were fitted on \(0, 1\), got class 4 to score. Give labelled"
    ):
        effects(model, score=NamedClass(4))
    with pytest.raises(ValueError, match=r"expected label from 0 to 9, as the network has 10 classes.*got label=11"):
        effects(model, score=NamedClass(11))
    with torch.no_grad():
        model.o.bias[7] += 100
    with pytest.raises(ValueError, match="got class 7 to score"):
        effects(model, score=PredictedClass())


def test_a_handful_of_samples_is_refused():
    for x, y in ((X[:2], torch.tensor([0, 1])), (X, torch.cat([torch.zeros(111), torch.ones(9)]))):
        with pytest.raises(
            ValueError, match=r"expected at least 10 labelled samples of each class in x and y, got \d of class"
        ):
            effects(Own(), x=x, y=y)
    with pytest.raises(ValueError, match=r"two classes or more to fit a probe on, got class \[0\] alone"):
        effects(Own(), y=torch.zeros(120))
    # Scores of the raw activation need no probes.
    assert effects(Own(), x=X[:2], y=torch.tensor([0, 1]), score=Unit(3))[0].isfinite().all()
    assert effects(Own(), x=X[:1], y=Y[:1], score=OfActivation(lambda a, _: a[:, 0]))[0].isfinite().all()


def test_what_is_printed_says_what_the_effects_rest_on():
    lines = repr(lk.explain(Own(), ["a"], X, Y, players="columns")).splitlines()
    assert lines[-2].startswith("Accuracy of the layers' linear classifiers, on 23 samples held out of 120 (chance: ")
    assert lines[-1].startswith("  a: 0.")
    assert "at chance" not in lines[-1]
    noise = lk.explain(Own(), ["a"], X, torch.arange(120) % 2, players="columns")
    assert repr(noise).endswith("at chance: its effects say little")
    assert noise.accuracy["at_chance"].tolist() == [True]
    assert "Accuracy" not in repr(lk.explain(Own(), ["a"], X, Y, players="columns", score=Unit(0)))


def test_batch_size_decides_nothing():
    """Modules for which it would are refused, see tests/test_doctor.py."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 2))
    model(X)
    small, large = (effects(model, ["0", "1", "2"], batch_size=size) for size in (3, 64))
    assert same(small, large, 1e-4)


def test_the_module_and_its_inputs_are_not_changed():
    model, x = Own(lambda h: h.relu_()), X.clone()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    effects(model, x=x)
    assert model.training
    assert torch.equal(x, X)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
