"""Target networks: plain modules with ordered `layers` to read."""

from lk.networks.convolutional import VGG11, LeNet
from lk.networks.group_network import GroupNetwork, Tables
from lk.networks.mlp import MLP
from lk.networks.network import Network, Wrapped
from lk.networks.resnet import ResNet20, ResNet32
from lk.networks.torchvision import Torchvision
from lk.networks.transformer import Transformer

__all__ = [
    "MLP",
    "VGG11",
    "GroupNetwork",
    "LeNet",
    "Network",
    "ResNet20",
    "ResNet32",
    "Tables",
    "Torchvision",
    "Transformer",
    "Wrapped",
]
