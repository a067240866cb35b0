"""Handwritten digits of 8x8 pixels that come with scikit-learn: no download."""

import torch

from lk.data.data import Data, Labelled, Tensors


class Digits(Data):
    """scikit-learn's digits: 1 797 images of 8x8 pixels in 0..1, ten classes; a stratified 80 / 20 split.

    Args:
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples. The split itself is always the same.
        num_workers: Processes that load batches.
    """

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits, in memory."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        digits = load_digits()
        x = torch.from_numpy(digits.images).float().div(16)[:, None]
        y = torch.from_numpy(digits.target).long()
        train, test = train_test_split(range(len(y)), test_size=0.2, random_state=0, stratify=y)
        return Tensors(x[train], y[train]), Tensors(x[test], y[test])
