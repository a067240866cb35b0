"""Every element as a word in the generators."""

import numpy as np

from lk.groups.group import Floats, Group, Ints


def levels(group: Group) -> list[tuple[Ints, Ints, Ints]]:
    """Elements by word length: (parents, index of the generator s, children), where each child is its parent times s.

    Every element except the identity is a child once, in a level after that of its parent.

    Example:
        >>> from lk.groups import Cyclic
        >>> [children.tolist() for _, _, children in levels(Cyclic(4))]
        [[1], [2], [3]]
    """
    reached = np.zeros(group.order, dtype=bool)
    frontier = np.array([group.identity])
    reached[frontier] = True
    found = []
    while not reached.all():
        products = group.table[frontier[:, None], group.generators]
        children, first = np.unique(products, return_index=True)
        new = ~reached[children]
        children, (parents, generators) = children[new], np.divmod(first[new], len(group.generators))
        found.append((frontier[parents], generators, children))
        reached[children] = True
        frontier = children
    return found


def extend(group: Group, images: Floats) -> Floats:
    """Matrices of all elements from those of the generators.

    Args:
        group: The group.
        images: Matrices of `group.generators` in several representations, shape `(representations, generators, d, d)`.

    Returns:
        Shape `(representations, order, d, d)`.
    """
    d = images.shape[-1]
    matrices = np.empty((len(images), group.order, d, d))
    matrices[:, group.identity] = np.eye(d)
    for parents, generators, children in levels(group):
        matrices[:, children] = matrices[:, parents] @ images[:, generators]
    return matrices
