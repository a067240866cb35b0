"""A blurred copy of the sample itself."""

from torch import Tensor

from lk.games.maskers.masker import Masker


class Blurred(Masker):
    """A Gaussian blur of each image: absence without a foreign colour.

    Args:
        sigma: Standard deviation in pixels.
    """

    def __init__(self, sigma: float = 3.0) -> None:
        if sigma <= 0:
            raise ValueError(f"expected sigma above 0 pixels, got sigma={sigma}. Use 3.")
        self.sigma = sigma

    def fill(self, x: Tensor, baseline: Tensor) -> Tensor:
        """The blurred images."""
        if x.ndim != 4:
            raise ValueError(
                f"expected images (samples, channels, height, width), got x.shape={tuple(x.shape)}. Choose Mean or "
                "Zero."
            )
        # Importing torchvision's transforms takes seconds; only this masker needs them.
        from torchvision.transforms.v2.functional import gaussian_blur

        # The kernel must be odd and fit the reflected border.
        side = min(2 * round(3 * self.sigma) + 1, 2 * min(x.shape[2:]) - 1)
        return gaussian_blur(x, [side, side], [self.sigma, self.sigma])  # type: ignore[no-any-return]
