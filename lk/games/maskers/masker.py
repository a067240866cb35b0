"""The base class of maskers."""

from torch import Tensor

from lk.storage.describe import Recorded


class Masker(metaclass=Recorded):
    """Gives the values that absent players take; subclasses define `fill`."""

    def fill(self, x: Tensor, baseline: Tensor) -> Tensor:
        """Filling values.

        Args:
            x: Inputs `(samples, *input)`.
            baseline: The data set's mean input, shape `input`.

        Returns:
            A tensor of the shape of `x`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define fill().")
