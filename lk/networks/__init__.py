"""Target networks: plain modules with ordered `layers` to read."""

from lk.networks.alexnet import AlexNet
from lk.networks.convolutional import LeNet
from lk.networks.group_network import GroupNetwork
from lk.networks.mlp import MLP
from lk.networks.network import Network, Wrapped
from lk.networks.resnet import ResNet20, ResNet32
from lk.networks.torchvision import Torchvision
from lk.networks.transformer import Transformer
from lk.networks.vgg import VGG11, VGG16
from lk.networks.vit import ViT

__all__ = [
    "MLP",
    "VGG11",
    "VGG16",
    "AlexNet",
    "GroupNetwork",
    "LeNet",
    "Network",
    "ResNet20",
    "ResNet32",
    "Torchvision",
    "Transformer",
    "ViT",
    "Wrapped",
]
