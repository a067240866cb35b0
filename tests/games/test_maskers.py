import pytest
import torch
from safetensors.torch import save_file

import lk.games.maskers
from lk.games.maskers import Blurred, Given, Masker, Mean, Token, Zero

KINDS = [name for name in lk.games.maskers.__all__ if name != "Masker"]


@pytest.fixture
def make(tmp_path):
    save_file({"filling": torch.full((2, 6, 6), 0.25)}, tmp_path / "filling.safetensors")
    arguments = {"Given": {"path": str(tmp_path / "filling.safetensors")}}
    return lambda name: getattr(lk.games.maskers, name)(**arguments.get(name, {}))


@pytest.mark.parametrize("name", KINDS)
def test_fills_in_the_shape_and_type_of_the_input(make, name):
    x = torch.rand(3, 2, 6, 6) if name != "Token" else torch.randint(9, (3, 7))
    before = x.clone()
    filled = make(name).fill(x, x.double().mean(0))
    assert filled.shape == x.shape
    assert filled.dtype == x.dtype
    assert filled.isfinite().all()
    assert torch.equal(x, before)


def test_mean_zero_and_given(make):
    x = torch.rand(3, 2, 6, 6)
    assert torch.equal(Mean().fill(x, x[1])[2], x[1])
    assert not Zero().fill(x, x[1]).any()
    assert torch.equal(make("Given").fill(x, x[1]), torch.full_like(x, 0.25))
    table = torch.rand(4, 5)
    assert torch.equal(Mean().fill(table, table.mean(0))[1], table.mean(0))
    assert not Zero().fill(table, table.mean(0)).any()


def test_blur_keeps_constants_and_means_and_removes_detail():
    flat = torch.full((1, 1, 12, 12), 0.3)
    assert torch.allclose(Blurred(2.0).fill(flat, flat[0]), flat, atol=1e-6)
    board = ((torch.arange(12)[:, None] + torch.arange(12)) % 2).float()[None, None]
    blurred = Blurred(2.0).fill(board, board[0])
    assert float(blurred.std()) < 0.02
    assert float(blurred.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(Blurred(0.2).fill(board, board[0]).std()) > 0.4


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 3, 2, 9), (2, 1, 8, 8)])
def test_blur_fits_images_smaller_than_its_kernel(shape):
    assert Blurred(5.0).fill(torch.rand(shape), torch.zeros(shape[1:])).shape == shape


def test_blur_of_tables_and_without_width():
    with pytest.raises(
        ValueError, match=r"expected images \(samples, channels, height, width\), got x\.shape=\(3, 5\)"
    ):
        Blurred().fill(torch.zeros(3, 5), torch.zeros(5))
    with pytest.raises(ValueError, match="expected sigma above 0 pixels, got sigma=0"):
        Blurred(0)


def test_given_file_is_missing_of_another_shape_or_truncated(tmp_path):
    x = torch.zeros(1, 1, 4, 4)
    path = tmp_path / "f.safetensors"
    with pytest.raises(
        FileNotFoundError,
        match=r"expected a safetensors file with one tensor of shape \(1, 4, 4\), got path='.*f\.safetensors'",
    ):
        Given(str(path)).fill(x, x[0])
    save_file({"a": torch.zeros(1, 4, 5)}, path)
    with pytest.raises(ValueError, match=r"expected one tensor of shape \(1, 4, 4\), got {'a': \(1, 4, 5\)}"):
        Given(str(path)).fill(x, x[0])
    save_file({"a": torch.zeros(1, 4, 4), "b": torch.zeros(1, 4, 4)}, path)
    with pytest.raises(ValueError, match="expected one tensor"):
        Given(str(path)).fill(x, x[0])
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(ValueError, match=r"f.safetensors is truncated or no safetensors file"):
        Given(str(path)).fill(x, x[0])


def test_fill_must_be_defined():
    with pytest.raises(NotImplementedError, match=r"Masker must define fill\(\)"):
        Masker().fill(torch.zeros(1, 1), torch.zeros(1))


def test_token_is_the_mask_the_absent_number_or_one_of_the_users():
    x, masks = torch.tensor([[2, 7, 3], [2, 8, 3]]), torch.tensor([4, 4, 4])
    assert Token().fill(x, masks).tolist() == [[4, 4, 4]] * 2
    assert Token("absent").fill(x, masks).tolist() == [[-1, -1, -1]] * 2
    assert Token(9).fill(x, masks).tolist() == [[9, 9, 9]] * 2


@pytest.mark.parametrize("token", ["masks", -2])
def test_token_of_another_name(token):
    with pytest.raises(ValueError, match=rf"expected 'mask', 'absent' or the number of a token, got token={token!r}"):
        Token(token)


def test_token_for_images():
    with pytest.raises(ValueError, match=r"expected token numbers, got x\.dtype=torch\.float32"):
        Token().fill(torch.rand(1, 3), torch.zeros(3))
