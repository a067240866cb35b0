"""Every data set on tiny files in its real format, and the contract of the base class."""

import pickle

import pytest
import torch
from torch.utils.data import Subset, TensorDataset

import lk.data
from lk.data import MNIST, BreastCancer, Data, Digits, GroupTable, ImageFolder, Table
from lk.data.data import Tensors, collate, collate_samples
from lk.groups import Cyclic, Symmetric

KINDS = [name for name in lk.data.__all__ if name != "Data"]
FULL_BATCH = ("GroupTable",)  # no batches, so no order of batches, and no settings of them
SHUFFLED = [name for name in KINDS if name not in FULL_BATCH]
TEXT = ("SST2", "Sentences")  # rows of token numbers: see test_sentences.py


@pytest.fixture
def make(mnist_dir, image_dir, sentence_dir, tmp_path, writers):
    """`make("MNIST", **settings)`; a newcomer that needs no arguments is covered by itself."""
    writers.table["csv"](writers.frame(), tmp_path / "rows.csv")
    writers.table["csv"](writers.census(), tmp_path / "census.csv")
    arguments = {
        "Census": {"path": str(tmp_path / "census.csv")},
        "MNIST": {"data_dir": str(mnist_dir)},
        "ImageFolder": {"data_dir": str(image_dir), "size": 8},
        "Table": {"path": str(tmp_path / "rows.csv"), "label": "kind"},
        "GroupTable": {"group": Cyclic(7), "train_fraction": 0.4},
        **{name: {"data_dir": str(sentence_dir), "words": 3, "vocab_size": 100, "max_length": 16} for name in TEXT},
    }

    def make(name, **settings):
        if name in FULL_BATCH:
            settings.pop("batch_size", None)
        return getattr(lk.data, name)(**{"samples_per_class": 2, **arguments.get(name, {}), **settings})

    return make


@pytest.mark.parametrize("name", KINDS)
def test_batches_labels_classes_and_shape(make, name):
    data = make(name, batch_size=5)
    shape = data.input_shape
    assert len(data.class_names) == data.num_classes >= 2
    assert len(set(map(str, data.class_names))) == data.num_classes
    for split in (data.train, data.test):
        labels = Data.labels(split)
        assert labels.dtype == torch.int64
        assert set(labels.tolist()) == set(range(data.num_classes))
        x, y = next(iter(data.batches(split, 5)))
        assert x.shape == (5, *shape)
        assert x.dtype == (torch.int64 if name in ("GroupTable", *TEXT) else torch.float32)
        assert torch.equal(y, labels[:5])
        one, label = split[2]
        assert torch.equal(one, x[2])
        assert int(label) == int(y[2])
    if len(shape) == 3:
        assert 0 <= float(x.min()) <= float(x.max()) <= 1
        assert float(x.max()) > 0.1
        assert list(data.column_names) == []
    elif name not in TEXT:
        assert len(data.column_names) == shape[0]


@pytest.mark.parametrize("name", KINDS)
def test_the_splits_are_always_the_same(make, name):
    first, second = make(name, seed=0), make(name, seed=1)
    for a, b in zip(first.splits, second.splits, strict=True):
        assert torch.equal(Data.labels(a), Data.labels(b))
        assert torch.equal(a[0][0], b[0][0])


@pytest.mark.parametrize("name", KINDS)
def test_samples_to_explain(make, name):
    data = make(name)
    x, y, index = data.explained_samples()
    assert x.shape == (
        2 * data.num_classes,
        *data.baseline.shape,
    )  # pairs of a group as one-hot rows, like their baseline
    assert y.tolist() == [label for label in range(data.num_classes) for _ in range(2)]
    assert len(set(index.tolist())) == len(index)
    for row, label, place in zip(x, y, index, strict=True):
        assert torch.equal(row.argmax(-1) if name == "GroupTable" else row, data.test[int(place)][0])
        assert int(label) == int(Data.labels(data.test)[place])
    assert torch.equal(make(name).explained, index)
    assert not torch.equal(make(name, seed=3).explained, index)
    # More samples per class keep those that were there.
    assert set(index.tolist()) < set(make(name, samples_per_class=3).explained.tolist())


@pytest.mark.parametrize("name", [name for name in SHUFFLED if name not in TEXT])
def test_baseline_is_the_mean_of_the_training_split(make, name):
    data = make(name)
    everything = torch.stack([data.train[i][0] for i in range(len(Data.labels(data.train)))])
    assert data.baseline.shape == data.input_shape
    assert torch.allclose(data.baseline, everything.double().mean(0).float(), atol=1e-6)


@pytest.mark.parametrize("name", SHUFFLED)
def test_order_of_batches_is_a_function_of_seed_and_epoch(make, name):
    def order(epoch, **settings):
        data = make(name, batch_size=7, **settings)
        loader = data.train_dataloader()
        loader.sampler.set_epoch(epoch)
        torch.rand(epoch + 1)  # the global stream does not matter
        rows = [x.flatten(1) for x, _ in loader]
        assert [len(x) for x in rows[:-1]] == [7] * (len(rows) - 1)
        return torch.cat(rows)

    assert torch.equal(order(0), order(0))
    assert torch.equal(order(2), order(2))
    assert not torch.equal(order(0), order(1))
    assert not torch.equal(order(0), order(0, seed=1))
    data = make(name)
    assert len(order(0)) == len(Data.labels(data.train))


def test_order_seed_decides_the_order_and_leaves_the_samples_to_explain():
    first, second = Digits(), Digits()
    second.order_seed = 7
    assert torch.equal(first.explained, second.explained)
    assert not torch.equal(next(iter(first.train_dataloader()))[1], next(iter(second.train_dataloader()))[1])


def test_loading_batches_does_not_draw_from_the_global_stream_twice():
    data = Digits()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    list(data.train_dataloader())
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("name", KINDS)
def test_name_fits_a_run_id(make, name):
    assert make(name).name
    assert make(name).name == make(name).name.lower()


@pytest.mark.parametrize(
    "settings",
    [{"batch_size": 0}, {"samples_per_class": 0}, {"num_workers": -1}],
    ids=lambda settings: next(iter(settings)),
)
@pytest.mark.parametrize("name", SHUFFLED)
def test_settings_out_of_range(make, name, settings):
    with pytest.raises(
        ValueError, match=f"expected batch_size >= 1, .*got .*{next(iter(settings))}={next(iter(settings.values()))}"
    ):
        make(name, **settings)


@pytest.mark.parametrize("name", KINDS)
def test_more_samples_per_class_than_there_are(make, name):
    with pytest.raises(
        ValueError,
        match=r"expected samples_per_class samples .*got samples_per_class=5000 and fewer of:.*Lower samples_per_class",
    ):
        _ = make(name, samples_per_class=5000).explained


# ---- the base class
class Given(Data):
    def __init__(self, train, test, names=None, **settings):
        super().__init__(**settings)
        self.given, self.names = (train, test), names

    def load(self):
        return self.given

    @property
    def class_names(self):
        return self.names or super().class_names


def split(labels):
    return Tensors(torch.rand(len(labels), 2), torch.tensor(labels))


def test_label_beyond_the_classes():
    with pytest.raises(
        ValueError,
        match=r"expected labels from 0 to 1 in the test split of.*got 4",
    ):
        _ = Given(split([0, 1]), split([0, 4]), ["cat", "dog"]).num_classes
    with pytest.raises(ValueError, match=r"expected labels from 0 to 1 in the training split of given, .*got 2"):
        _ = Given(split([0, 2]), split([0, 1]), ["cat", "dog"]).num_classes


def test_negative_label():
    with pytest.raises(ValueError, match="expected labels from 0 in the test split of given, got -1"):
        _ = Given(split([0, 1]), split([-1, 1])).train


def test_empty_split():
    with pytest.raises(ValueError, match=r"expected at least one labelled sample in the.*got none"):
        _ = Given(split([]), split([0])).train


def test_load_must_be_defined():
    with pytest.raises(NotImplementedError, match=r"Data must define load\(\)"):
        _ = Data().train


def test_class_without_test_samples_is_named():
    with pytest.raises(
        ValueError, match=r"expected samples_per_class samples of each class.*got samples_per_class=1 and fewer of: dog"
    ):
        _ = Given(split([0, 1]), split([0, 0]), ["cat", "dog"], samples_per_class=1).explained


def test_bytes_are_scaled_when_they_are_taken():
    data = Tensors(torch.tensor([[0, 255], [51, 102]], dtype=torch.uint8), torch.tensor([0, 1]))
    assert data[1][0].tolist() == pytest.approx([0.2, 0.4])
    assert data.__getitems__([0])[0].tolist() == [[0.0, 1.0]]
    assert data.x.dtype == torch.uint8


@pytest.mark.parametrize("kind", [torch.int32, torch.uint8, torch.int16, torch.bool, torch.float32])
def test_labels_of_any_type_are_int64(kind):
    """The cross-entropy takes no other whole numbers."""
    data = Given(
        *(Tensors(torch.rand(2, 2), torch.tensor([0, 1]).to(kind)) for _ in range(2)), batch_size=2, samples_per_class=1
    )
    assert (
        Data.labels(data.train).dtype
        == next(iter(data.train_dataloader()))[1].dtype
        == data.explained_samples()[1].dtype
        == torch.int64
    )
    foreign = TensorDataset(torch.rand(2, 2), torch.tensor([0, 1]).to(kind))
    foreign.targets = foreign.tensors[1]
    data = Given(foreign, foreign, batch_size=2)
    assert Data.labels(data.train).dtype == next(iter(data.train_dataloader()))[1].dtype == torch.int64


def test_labels_that_are_no_whole_numbers():
    with pytest.raises(
        ValueError, match=r"expected a whole number as label of each of 2 inputs, got 2 of type torch.float32"
    ):
        Tensors(torch.rand(2, 2), torch.tensor([0.5, 1.0]))
    with pytest.raises(ValueError, match="label of each of 2 inputs, got 3"):
        Tensors(torch.rand(2, 2), torch.tensor([0, 1, 1]))


def test_subsets_keep_the_fast_path_and_their_labels():
    data = split([0, 1, 0, 1])
    part = Subset(data, [3, 0])
    assert Data.labels(part).tolist() == [1, 0]
    assert collate(part) is collate(data) is not None
    assert collate(TensorDataset(torch.zeros(2), torch.zeros(2))) is collate_samples
    x, y = next(iter(Data().batches(part, 2)))
    assert torch.equal(x, data.x[[3, 0]])
    assert y.tolist() == [1, 0]


def test_workers_give_the_same_batches(make):
    alone, helped = (
        [x for x, _ in make("Digits", batch_size=512, num_workers=workers).train_dataloader()] for workers in (0, 1)
    )
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


# ---- one kind each
def test_digits_are_stratified():
    data = Digits()
    assert data.input_shape == (1, 8, 8)
    assert len(Data.labels(data.train)) + len(Data.labels(data.test)) == 1797
    assert torch.bincount(Data.labels(data.test)).min() >= 34


def test_breast_cancer():
    data = BreastCancer()
    assert data.class_names == ["benign", "malignant"]
    assert data.input_shape == (30,)
    assert "worst radius" in data.column_names
    assert float(data.baseline.abs().max()) < 1e-5


def test_mnist_keeps_bytes_and_scales_batches(make):
    data = make("MNIST")
    assert data.train.x.dtype == torch.uint8
    assert data.input_shape == (1, 28, 28)
    assert list(data.class_names) == list("0123456789")
    assert data.name == "mnist"
    assert pickle.loads(pickle.dumps(data.train)).x.shape == data.train.x.shape


def test_mnist_missing(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"expected the four IDX files in.*got no MNIST there.*data_dir.*download to true",
    ):
        _ = MNIST(str(tmp_path / "nowhere")).train


@pytest.mark.parametrize("keep", [3, 20, 500])
def test_mnist_truncated(mnist_dir, keep):
    path = mnist_dir / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=rf"train-images-idx3-ubyte is truncated or damaged: .* got {keep} bytes"):
        _ = MNIST(str(mnist_dir)).train


def test_mnist_exchanged(mnist_dir):
    raw = mnist_dir / "MNIST" / "raw"
    (raw / "t10k-images-idx3-ubyte").write_bytes((raw / "t10k-labels-idx1-ubyte").read_bytes())
    with pytest.raises(
        ValueError, match="t10k-images-idx3-ubyte is truncated or damaged: expected an IDX file of 3 axes"
    ):
        _ = MNIST(str(mnist_dir)).train


def test_mnist_labels_beyond_nine(mnist_dir, writers):
    writers.idx(mnist_dir / "MNIST" / "raw" / "t10k-labels-idx1-ubyte", torch.full((40,), 12).numpy())
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte: expected labels from 0 to 9, got 12"):
        _ = MNIST(str(mnist_dir)).train


def test_mnist_with_another_number_of_labels(mnist_dir, writers):
    writers.idx(mnist_dir / "MNIST" / "raw" / "t10k-labels-idx1-ubyte", torch.zeros(7).numpy())
    with pytest.raises(ValueError, match="expected as many labels as images in each split, got 40 images and 7 labels"):
        _ = MNIST(str(mnist_dir)).test


def test_real_mnist(real_data):
    data = MNIST(str(real_data("MNIST").parent), samples_per_class=1)
    assert (len(Data.labels(data.train)), len(Data.labels(data.test))) == (60_000, 10_000)
    assert float(data.baseline.mean()) == pytest.approx(0.1307, abs=1e-3)


def test_images_val_is_taken_for_test_and_jpg_is_read(tmp_path, writers):
    data = ImageFolder(str(writers.images(tmp_path / "Birds", test="val", suffix="jpg")), size=6, channels=1)
    assert data.name == "birds"
    assert data.input_shape == (1, 6, 6)
    assert data.class_names == ["class0", "class1", "class2"]
    assert len(Data.labels(data.test)) == 12


def test_images_of_different_sizes_are_resized_and_cropped(tmp_path, writers):
    data = ImageFolder(str(writers.images(tmp_path, sizes=((20, 12), (12, 30)))), size=10)
    x, _ = next(iter(data.batches(data.train, 8)))
    assert x.shape == (8, 3, 10, 10)


def test_images_missing(tmp_path, image_dir):
    with pytest.raises(
        FileNotFoundError,
        match=r"expected .*/train/<class>/\* .*got no folder '.*nowhere/train'.*Set data.init_args.data_dir",
    ):
        _ = ImageFolder(str(tmp_path / "nowhere")).train
    (image_dir / "test").rename(image_dir / "exam")
    with pytest.raises(FileNotFoundError, match=r"got no folder '.*test'"):
        _ = ImageFolder(str(image_dir)).train


def test_images_with_different_classes(image_dir):
    (image_dir / "test" / "class2").rename(image_dir / "test" / "class9")
    with pytest.raises(
        ValueError, match=r"expected the same sub-folders in both splits, got only in one: \['class2', 'class9'\]"
    ):
        _ = ImageFolder(str(image_dir)).train


def test_images_class_without_images(image_dir):
    (image_dir / "train" / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty"):
        _ = ImageFolder(str(image_dir)).train


@pytest.mark.parametrize("settings", [{"channels": 2}, {"size": 0}])
def test_images_settings(settings):
    with pytest.raises(ValueError, match="expected 1 or 3 channels and a positive size"):
        ImageFolder("anywhere", **settings)


def test_real_cifar10(real_data):
    data = ImageFolder(str(real_data("cifar10")), samples_per_class=1)
    assert data.num_classes == 10
    assert data.input_shape == (3, 32, 32)


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_table_formats_give_the_same(tmp_path, writers, kind):
    frame = writers.frame()
    writers.table[kind](frame, tmp_path / f"rows.{kind}")
    data = Table(str(tmp_path / f"rows.{kind}"), "kind", samples_per_class=1)
    assert data.name == "rows"
    assert list(data.column_names) == ["height", "width", "constant", "colour"]
    assert list(data.class_names) == ["low", "tall"]
    train, test = data.train, data.test
    assert (len(train), len(test)) == (32, 8)
    assert torch.allclose(train.x[:, :2].mean(0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(train.x[:, :2].std(0), torch.ones(2), atol=1e-5)
    assert (train.x[:, 2] == 0).all()
    assert len(train.x[:, 3].unique()) == 2
    # The label is the sign of a threshold on the first column: rows keep their labels.
    tall = train.x[:, 0][train.y == 1]
    assert float(tall.min()) > float(train.x[:, 0][train.y == 0].max())


def table(tmp_path, writers, change, label="kind", name="rows.csv"):
    frame = writers.frame()
    writers.table["csv"](change(frame), tmp_path / name)
    return Table(str(tmp_path / name), label)


@pytest.mark.parametrize(
    ("change", "label", "message"),
    [
        (
            lambda f: f,
            "kindd",
            r"expected the label's column, got label='kindd'. Did you mean 'kind'\? Known: .*Set data.init_args.label",
        ),
        (
            lambda f: f.assign(width=f.width.where(f.index > 1)),
            "kind",
            r"expected no missing values, got some in: width \(2\), first in row 1.*Fill or drop them first",
        ),
        (
            lambda f: f.assign(kind=f.kind.where(f.index > 1)),
            "kind",
            r"expected no missing values, got some in: kind \(2\), first in row 1",
        ),
        (
            lambda f: f.assign(width=f.width.where(f.index > 1, float("inf"))),
            "kind",
            "expected finite values, got infinite ones in: width, first in row 1",
        ),
        (
            lambda f: f.assign(kind=f.kind.where(f.index > 0, "odd")),
            "kind",
            r"expected two rows of each class, as the split is.*got one of 'odd'",
        ),
        (lambda f: f[["kind"]], "kind", "expected at least one input column, got the label 'kind' alone"),
    ],
    ids=["label", "missing", "missing label", "infinite", "single", "no inputs"],
)
def test_table_errors(tmp_path, writers, change, label, message):
    with pytest.raises(ValueError, match=message):
        _ = table(tmp_path, writers, change, label).train


def test_table_missing_or_of_another_format(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a \.csv, \.tsv or \.parquet file, got.*nowhere\.csv'"):
        _ = Table(str(tmp_path / "nowhere.csv")).train
    (tmp_path / "rows.xlsx").touch()
    with pytest.raises(ValueError, match=r"expected a file that ends in .*got path='.*rows.xlsx'"):
        _ = Table(str(tmp_path / "rows.xlsx")).train


def test_table_too_small_for_its_classes(tmp_path, writers):
    with pytest.raises(ValueError, match=r"expected at least 6 rows of 2 classes, so that a.*got 4"):
        _ = table(tmp_path, writers, lambda f: f.groupby("kind").head(2)).train


# ---- groups
@pytest.mark.parametrize("fraction", [0.8, 0.4, 0.001, 0.999])
def test_group_pairs_are_all_there_once_and_labelled_by_the_table(fraction):
    group = Symmetric(4)
    data = GroupTable(group, fraction)
    assert len(data.train) == round(fraction * 576)
    pairs, products = torch.cat([data.train.x, data.test.x]), torch.cat([data.train.y, data.test.y])
    assert pairs.dtype == products.dtype == torch.int64
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs) == 576
    assert products.tolist() == [int(group.table[x, y]) for x, y in pairs.tolist()]
    assert (data.num_classes, data.input_shape, data.name) == (24, (2,), "s4")


def test_group_split_is_decided_by_its_own_seed():
    first, second = GroupTable(Symmetric(3), split_seed=0), GroupTable(Symmetric(3), split_seed=1)
    assert torch.equal(first.train.x, GroupTable(Symmetric(3), split_seed=0, seed=5).train.x)
    assert not torch.equal(first.train.x, second.train.x)


def test_group_batches_are_the_same_full_batch():
    data = GroupTable(Cyclic(5), 0.6, steps_per_epoch=3)
    batches = list(data.train_dataloader())
    assert len(batches) == len(data.train_dataloader()) == 3
    assert all(torch.equal(x, data.train.x) and torch.equal(y, data.train.y) for x, y in batches)


def test_group_pairs_are_dealt_to_devices():
    data = GroupTable(Cyclic(5), 0.68)  # 17 pairs
    parts = []
    for rank in range(3):
        data.trainer = type("Trainer", (), {"world_size": 3, "global_rank": rank})()
        parts.append(next(iter(data.train_dataloader()))[0])
    assert [len(part) for part in parts] == [6, 6, 5]
    assert sorted(torch.cat(parts).tolist()) == sorted(data.train.x.tolist())


def test_group_baseline_is_the_mean_of_one_hot_pairs():
    data = GroupTable(Cyclic(7), 0.4)
    counts = torch.stack([torch.bincount(data.train.x[:, i], minlength=7) for i in (0, 1)])
    assert torch.allclose(data.baseline, counts / len(data.train))
    assert data.one_hot(data.train.x).argmax(-1).equal(data.train.x)


@pytest.mark.parametrize(
    "settings", [{"train_fraction": 1.0}, {"train_fraction": 0.0}, {"train_fraction": -0.2}, {"train_fraction": 1.3}]
)
def test_group_without_one_split(settings):
    with pytest.raises(
        ValueError,
        match=r"expected at least one pair in each split, got train_fraction=.*of the 25 pairs of Z5",
    ):
        GroupTable(Cyclic(5), **settings)


def test_group_settings():
    with pytest.raises(ValueError, match="expected steps_per_epoch of at least 1, got steps_per_epoch=0"):
        GroupTable(Cyclic(5), steps_per_epoch=0)
    with pytest.raises(ValueError, match=r"samples_per_class >= 1, .*got .*samples_per_class=0"):
        GroupTable(Cyclic(5), samples_per_class=0)
