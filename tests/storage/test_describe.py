"""Every constructor argument is described, or refused.

Over all extension points and over classes as users write them.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import lk.data
import lk.extraction
import lk.games
import lk.games.maskers
import lk.groups
import lk.networks
import lk.paper.controls
import lk.probes
import lk.scores
from lk.extraction import Extraction
from lk.games import Grid, Players
from lk.games.maskers import Masker, Mean, Zero
from lk.probes import Optimum, PaperSGD, Recipe
from lk.scores import OfActivation, Score, log_odds
from lk.storage.describe import Recorded, describe
from lk.storage.trust import build, rebuilt

PACKAGES = (
    lk.games,
    lk.games.maskers,
    lk.scores,
    lk.probes,
    lk.data,
    lk.networks,
    lk.groups,
    lk.extraction,
    lk.paper.controls,
)
BERT = {"vocab_size": 50, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
# Arguments where a class has no default, or where the default would not show that the value is kept.
ARGUMENTS = {
    "Grid": {"patch": 3},
    "Foreground": {"n": 4, "patch": 3},
    "Central": {"n": 4, "patch": 2, "margin": 0, "seed": 5},
    "Patches": {"patches": [3, 1], "patch": 2},
    "Columns": {"groups": [[0, "b"], [2]]},
    "Blurred": {"sigma": 1.5},
    "Given": {"path": "filling.safetensors"},
    "NamedClass": {"label": 1},
    "Unit": {"index": 3},
    "OfActivation": {"function": log_odds},
    "Optimum": {"l2": 0.5, "pooling": "mean"},
    "PaperSGD": {"lr": 0.5, "epochs": 3},
    "RandomLabels": {"recipe": PaperSGD(lr=0.5), "seed": 4},
    "Token": {"token": 7},
    "Census": {"path": "adult.data"},
    "ImageFolder": {"data_dir": "folder", "size": 8},
    "Table": {"path": "table.csv", "label": "kind"},
    "Sentences": {"data_dir": "folder", "cls": "last"},
    "SST2": {"words": 4},
    "GroupTable": {"group": lk.groups.Cyclic(5), "train_fraction": 0.6},
    "MLP": {"widths": [4, 3], "num_classes": 3, "input_shape": (1, 2, 2)},
    "ViT": {"width": 6, "depth": 1, "heads": 1},
    "AlexNet": {"num_classes": 3},
    "GroupNetwork": {"num_classes": 6, "width": 4, "embedding": 4, "seeds": 2},
    "Torchvision": {"name": "squeezenet1_1", "num_classes": 3, "input_shape": (3, 64, 64)},
    "Transformer": {"architecture": "bert", "config": BERT, "input_shape": (6,)},
    "Affine": {"p": 5, "multipliers": 2},
    "Cyclic": {"n": 4},
    "Dihedral": {"n": 3},
    "Symmetric": {"n": 3},
    "Alternating": {"n": 4},
    "Permutations": {"generated_by": [[1, 0, 2]], "label": "swap"},
    "DirectProduct": {"factors": [lk.groups.Cyclic(2), lk.groups.Cyclic(3)]},
    "SemidirectProduct": {
        "normal": lk.groups.Cyclic(3),
        "acting": lk.groups.Cyclic(2),
        "action": [[0, 1, 2], [0, 2, 1]],
    },
    "FromTable": {"source": [[0, 1], [1, 0]], "label": "two"},
    "Group": {"table": [[0, 1], [1, 0]], "name": "two"},
    "Extraction": {
        "players": Grid(2),
        "masker": Zero(),
        "score": lk.scores.NamedClass(2),
        "probes": PaperSGD(epochs=2),
        "layers": ["layer1"],
    },
}
HEAVY = ("VGG16", "VGG11", "Wrapped")  # Wrapped holds a module that is not of lk: see below


def extension_classes():
    seen = set()
    for package in PACKAGES:
        for name in getattr(package, "__all__", dir(package)):
            found = getattr(package, name)
            if isinstance(found, Recorded) and name not in HEAVY and found not in seen:
                seen.add(found)
                yield found


def plain(config):
    return yaml.safe_load(yaml.safe_dump(config))


def round_trip(thing):
    config = plain(describe(thing))
    again = build(config, trust=True)
    assert type(again) is type(thing)
    assert describe(again) == config
    return again


# ---- all extension points
@pytest.mark.parametrize("kind", list(extension_classes()), ids=lambda kind: kind.__name__)
def test_build_is_the_inverse_of_describe(kind):
    thing = kind(**ARGUMENTS.get(kind.__name__, {}))
    config = describe(thing)
    assert set(config["init_args"]) == set(inspect.signature(kind).parameters)
    again = build(plain(config))  # without trust: all of it is of the house
    assert type(again) is kind
    assert describe(again) == plain(config)


def test_every_extension_point_is_covered():
    names = {kind.__name__ for kind in extension_classes()}
    assert names >= {
        "Grid",
        "Mean",
        "TrueClass",
        "Optimum",
        "PaperSGD",
        "RandomLabels",
        "Digits",
        "MLP",
        "Transformer",
        "Cyclic",
        "Extraction",
    }
    for package in PACKAGES[:7]:
        bases = {kind for kind in vars(package).values() if isinstance(kind, Recorded)}
        assert bases, package


def test_a_module_that_is_not_recorded_is_refused_by_name():
    network = lk.networks.Wrapped(torch.nn.Linear(4, 2), [], 2, (4,))
    with pytest.raises(
        ValueError,
        match=r"got Wrapped with module, which cannot be described: .*got torch.nn.*Linear",
    ):
        describe(network)


def test_an_extraction_is_rebuilt_with_all_its_parts():
    extraction = Extraction(
        lk.games.Foreground(5, 2),
        lk.games.maskers.Blurred(2.0),
        lk.scores.NamedClass(3),
        lk.probes.PaperSGD(epochs=2),
        background="integrated",
        layers=["layer1"],
        kappa=0.1,
        gap=0.01,
        salience_ratio=0.2,
        batch_size=7,
        name="other",
    )
    again = round_trip(extraction)
    assert again.settings == extraction.settings == describe(extraction)["init_args"]
    assert (again.players.n, again.masker.sigma, again.score.label, again.probes.epochs) == (5, 2.0, 3, 2)


def test_settings_name_the_parts_that_were_left_to_their_defaults():
    settings = Extraction(Grid(2)).settings
    assert settings["masker"] == {"class_path": "lk.games.maskers.baseline.Mean", "init_args": {}}
    assert settings["probes"]["init_args"]["l2"] == 1e-4


def test_a_function_of_lk_is_found_again():
    config = describe(OfActivation(log_odds))
    assert config["init_args"] == {"function": "lk.scores.log_odds"}
    assert build(config).function is log_odds


def test_build_links_arguments():
    network = build(
        {"class_path": "lk.networks.MLP", "init_args": {"widths": [4]}}, num_classes=3, input_shape=(1, 2, 2)
    )
    assert (network.num_classes, network.input_shape) == (3, (1, 2, 2))


def test_a_module_of_torch_is_wrapped():
    config = {
        "class_path": "lk.networks.Wrapped",
        "init_args": {
            "module": {"class_path": "torch.nn.Linear", "init_args": {"in_features": 4, "out_features": 2}},
            "layers": [],
        },
    }
    assert isinstance(build(config, num_classes=2, input_shape=(4,)).module, torch.nn.Linear)


# ---- classes as users write them
class Private(Masker):
    def __init__(self, value: float) -> None:
        self._value = value

    def fill(self, x, baseline):
        return torch.full_like(x, self._value)


class Derived(Masker):
    def __init__(self, value: float) -> None:
        self.value = 2 * value


class Rounded(Masker):
    def __init__(self, value: float) -> None:
        self.value, self._exact = round(value), value


class Unkept(Masker):
    def __init__(self, value: float) -> None:
        self.fill = lambda x, _: x * value


class Normalised(Players):
    def __init__(self, groups: list[int], path: str | Path = "a/b") -> None:
        self.groups, self.path = tuple(sorted(groups)), Path(path)


@dataclass
class ByDataclass(Masker):
    value: float
    names: tuple[str, ...] = ("a",)


@dataclass(frozen=True)
class Frozen(Masker):
    value: float


class ByNew(Masker):
    def __new__(cls, value: float = 0.0):
        thing = super().__new__(cls)
        thing._value = value
        return thing


class More(Masker):
    def __init__(self, first: float, **more: float) -> None:
        self._first, self._more = first, more


class Inherited(Private):
    pass


class Passed(Private):
    def __init__(self, value: float, scale: float = 2.0) -> None:
        super().__init__(value * scale)


class MutableDefault(Masker):
    def __init__(self, values: list[int] = []) -> None:  # noqa: B006  (users write this)
        values.append(len(values))
        self._values = values


class Slow(ABC):
    @abstractmethod
    def slow(self): ...


class Mixed(Slow, Masker):
    def __init__(self, value: float) -> None:
        self._value = value

    def slow(self): ...


class OwnRecipe(Recipe):
    def __init__(self, strength: float, inner: Recipe | None = None) -> None:
        super().__init__("mean", 50, 3)
        self._strength, self._inner = strength, inner


class Holds(Score):
    def __init__(self, thing) -> None:
        self._thing = thing


class Applies(Score):
    def __init__(self, how: Callable) -> None:
        self._how = how


def doubled(x, _):
    return 2 * x


class Owner:
    def method(self, x, _):
        return x


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (lambda: Private(1.5), {"value": 1.5}),
        (lambda: Private(value=np.float32(0.5)), {"value": 0.5}),
        (lambda: Derived(3.0), {"value": 3.0}),
        (lambda: Rounded(0.4), {"value": 0.4}),
        (lambda: Unkept(2.0), {"value": 2.0}),
        (lambda: Normalised([3, 1]), {"groups": [3, 1], "path": "a/b"}),
        (lambda: Normalised((3, 1), Path("c")), {"groups": [3, 1], "path": "c"}),
        (lambda: ByDataclass(2.0), {"value": 2.0, "names": ["a"]}),
        (lambda: Frozen(2.0), {"value": 2.0}),
        (lambda: ByNew(4.0), {"value": 4.0}),
        (lambda: More(1.0, second=2.0), {"first": 1.0, "second": 2.0}),
        (lambda: Inherited(2.5), {"value": 2.5}),
        (lambda: Passed(2.0), {"value": 2.0, "scale": 2.0}),
        (lambda: Mixed(2.0), {"value": 2.0}),
        (lambda: Holds({"a": [1, {"b": None}]}), {"thing": {"a": [1, {"b": None}]}}),
        (lambda: Holds(np.int64(3)), {"thing": 3}),
        (lambda: Holds(Mean()), {"thing": describe(Mean())}),
        (
            lambda: Holds([Private(1.0), {"m": Private(2.0)}]),
            {"thing": [describe(Private(1.0)), {"m": describe(Private(2.0))}]},
        ),
        (lambda: Applies(doubled), {"how": f"{__name__}.doubled"}),
        (lambda: OwnRecipe(0.1, Optimum(l2=0.5)), {"strength": 0.1, "inner": describe(Optimum(l2=0.5))}),
    ],
)
def test_what_users_write_is_described_by_what_was_given(make, given):
    thing = make()
    assert describe(thing)["init_args"] == given
    round_trip(thing)
    assert describe(copy(thing)) == describe(deepcopy(thing)) == describe(thing)


def test_a_nested_part_is_made_again():
    assert build(describe(Holds([Private(1.0)])), trust=True)._thing[0]._value == 1.0
    assert build(describe(Applies(doubled)), trust=True)._how is doubled


def test_two_values_have_two_descriptions():
    assert describe(Private(0.0)) != describe(Private(1.0))
    assert describe(Rounded(0.4)) != describe(Rounded(0.3))


def test_a_list_is_described_as_it_was_given():
    groups = [3, 1]
    thing = Normalised(groups)
    groups.append(9)
    describe(thing)["init_args"]["groups"].append(8)
    assert describe(thing)["init_args"]["groups"] == [3, 1]


def test_a_mutable_default_is_described_as_the_constructor_saw_it():
    first, second = MutableDefault(), MutableDefault()
    assert (describe(first)["init_args"], describe(second)["init_args"]) == ({"values": []}, {"values": [0]})


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Holds(torch.zeros(2)), "got torch.Tensor. Pass numbers, .*or the path of a file"),
        (lambda: Holds(np.zeros(2)), "got numpy.ndarray"),
        (lambda: Holds(float("nan")), "got NaN"),
        (lambda: Holds({1, 2}), "got builtins.set"),
        (lambda: Holds(object()), "got builtins.object"),
        (lambda: Holds([torch.zeros(1)]), "got torch.Tensor"),
        (lambda: Holds({"class_path": "a.B"}), "expected text other than 'class_path' as keys"),
        (lambda: Holds({1: 2}), "expected text other than 'class_path' as keys"),
        (lambda: Holds(doubled), "Annotate the argument as Callable"),
        (lambda: Holds([doubled]), "Annotate the argument as Callable"),
        (lambda: Holds(partial(doubled, 1)), "got functools.partial"),
        (
            lambda: Applies(lambda x, _: x),
            "expected a name that an import path leads to.*Define it at the top of a module",
        ),
        (lambda: Applies(Owner().method), "expected a name that an import path leads to, got Owner.method of"),
        (lambda: Applies(partial(doubled, 1)), "got functools.partial"),
        (
            lambda: Holds(Holds(torch.zeros(1))),
            "got Holds with thing, which cannot be described: .*got torch.Tensor",
        ),
    ],
)
def test_what_cannot_be_described_is_refused_when_an_extraction_is_made(make, reason):
    thing = make()  # explaining in a notebook needs no description
    with pytest.raises(
        ValueError,
        match=f"expected arguments that a settings file can hold, got {type(thing).__name__} with .*{reason}",
    ):
        describe(thing)
    with pytest.raises(ValueError, match=f"score={type(thing).__name__}: expected .*{reason}"):
        Extraction(Grid(2), score=thing)


class Starred(Masker):
    def __init__(self, *values: float) -> None:
        self.values = values


class Positional(Masker):
    def __init__(self, value: float, /) -> None:
        self.value = value


def test_arguments_without_a_name_are_refused():
    for thing in (Starred(1.0), Positional(1.0)):
        with pytest.raises(ValueError, match="has no name to pass it by; make it an argument of its own"):
            describe(thing)
    describe(Starred())


def test_a_class_inside_a_function_is_refused():
    class Local(Masker):
        pass

    with pytest.raises(ValueError, match=r"expected a name that an import path leads to, got.*<locals>\.Local of"):
        describe(Local())


@pytest.mark.parametrize(
    ("thing", "name", "value"),
    [
        (Optimum(), "l2", 0.5),
        (Grid(2), "patch", 3),
        (OfActivation(log_odds), "function", doubled),
        (ByDataclass(1.0), "value", 2.0),
    ],
)
def test_a_changed_attribute_is_refused(thing, name, value):
    changed = copy(thing)
    setattr(changed, name, value)
    with pytest.raises(
        ValueError, match=f"got another {name} than it was made with. Make a new object with {name} as its argument"
    ):
        describe(changed)
    describe(thing)


def test_changes_after_an_extraction_was_made_are_refused():
    extraction = Extraction(Grid(2), masker=Zero())
    extraction.kappa = 0.2
    with pytest.raises(ValueError, match="expected Extraction as it was made, got another kappa"):
        _ = extraction.decisive
    extraction = Extraction(Grid(2))
    extraction.players.patch = 3
    with pytest.raises(ValueError, match="expected Grid as it was made, got another patch"):
        _ = extraction.decisive
    groups = lk.games.Columns([[0], [1]])
    groups.groups.append([2])
    with pytest.raises(ValueError, match="got another groups"):
        describe(groups)


def test_rebuilt_changes_arguments():
    recipe = rebuilt(Optimum(l2=0.5), seed=3)
    assert (recipe.l2, recipe.seed, describe(recipe)["init_args"]["seed"]) == (0.5, 3, 3)


def test_signatures_are_those_of_the_constructor():
    assert list(inspect.signature(Optimum).parameters)[:2] == ["l2", "tolerance"]
    assert list(inspect.signature(ByNew).parameters) == ["value"]
    assert not inspect.signature(Mean).parameters
    with pytest.raises(TypeError, match="unexpected keyword argument 'patches'"):
        Grid(patches=2)
