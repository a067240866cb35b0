"""Data sets: one class per kind of source."""

from lk.data.census import Census
from lk.data.data import Data
from lk.data.digits import Digits
from lk.data.group_table import GroupTable
from lk.data.images import ImageFolder
from lk.data.mnist import MNIST
from lk.data.sentences import SST2, Sentences
from lk.data.table import BreastCancer, Table

__all__ = [
    "MNIST",
    "SST2",
    "BreastCancer",
    "Census",
    "Data",
    "Digits",
    "GroupTable",
    "ImageFolder",
    "Sentences",
    "Table",
]
