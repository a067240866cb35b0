"""What fills the place of an absent player."""

from lk.games.maskers.baseline import Mean, Zero
from lk.games.maskers.blurred import Blurred
from lk.games.maskers.given import Given
from lk.games.maskers.masker import Masker
from lk.games.maskers.token import Token

__all__ = ["Blurred", "Given", "Masker", "Mean", "Token", "Zero"]
