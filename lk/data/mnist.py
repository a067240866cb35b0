"""MNIST through torchvision."""

from torchvision.datasets import MNIST as Source

from lk.data.data import Data, Labelled, Tensors


class MNIST(Data):
    """MNIST: 60 000 + 10 000 images of 28x28 pixels in 0..1, ten classes.

    Args:
        data_dir: Folder that holds `MNIST/raw`, or is to hold it.
        download: Whether torchvision may download the files that are missing.
        batch_size: Training batch per device.
        samples_per_class: Number of samples to explain of each class.
        seed: Order of the batches and choice of the samples.
        num_workers: Processes that load batches.

    Raises:
        FileNotFoundError: The files are missing and `download` is off.
        ValueError: A file is damaged.
    """

    def __init__(
        self,
        data_dir: str = "data",
        download: bool = False,
        batch_size: int = 128,
        samples_per_class: int = 2,
        seed: int = 0,
        num_workers: int = 0,
    ) -> None:
        super().__init__(batch_size, samples_per_class, seed, num_workers)
        self.data_dir, self.download = data_dir, download

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits, in memory as `uint8`."""
        try:
            train, test = (Source(self.data_dir, train=split, download=self.download) for split in (True, False))
        except (RuntimeError, AssertionError, ValueError, KeyError) as error:  # torchvision says all of these of a damaged file
            if not str(error).startswith(("Dataset not found", "Error downloading")):
                raise ValueError(
                    f"An IDX file in {self.data_dir}/MNIST/raw is truncated or damaged. Fetch the four files again."
                ) from error
            raise FileNotFoundError(
                f"No MNIST in {self.data_dir!r}: expected {self.data_dir}/MNIST/raw with the four IDX files. "
                "Set data.init_args.data_dir to their folder, or data.init_args.download to true."
            ) from error
        for split in (train, test):
            if len(split.data) != len(split.targets):
                raise ValueError(
                    f"{self.data_dir}/MNIST/raw has {len(split.data)} images and {len(split.targets)} labels in one split; "
                    "expected as many of both."
                )
        return Tensors(train.data[:, None], train.targets), Tensors(test.data[:, None], test.targets)

    @property
    def class_names(self) -> list[str]:
        """The ten digits."""
        return [str(digit) for digit in range(10)]
