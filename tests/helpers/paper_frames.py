"""Frames as the figures of the paper take them: invented numbers of a realistic shape and range."""

import numpy as np
import pandas as pd

NETWORKS = {
    "MLP-7": ["fc1", "fc2", "fc3", "fc5"],
    "VGG-11": ["features.conv1_1", "features.conv3_2", "features.conv5_2", "classifier.fc2"],
    "ResNet-20": ["block1", "block3", "block5", "block7", "block9", "avgpool"],
    "ResNet-32": ["layer1.block1", "layer1.block3", "layer2.block2", "layer2.block5", "layer3.block3", "avgpool"],
}
FEW = {"MLP-7": ["fc1", "fc2"], "ResNet-20": ["block1", "layer2.block5.conv2", "avgpool"]}
PLACES = ("intermediate layer", "output")
WORDS = ["slow", "film", "but", "the", "acting", "is", "remarkably", "good", "the", "end"]


def spread_around(frame, width=0.15):
    """Intervals around the mean."""
    return frame.assign(low=frame["mean"] * (1 - width), high=frame["mean"] * (1 + width))


def by_layer(networks=NETWORKS, orders=6, n=30):
    """Overlap, forgotten, new, completeness and redundancy of layers.

    The second layer of the first network is marked.
    """
    rows = []
    for shift, (network, layers) in enumerate(networks.items()):
        for place, layer in enumerate(layers):
            depth = place / len(layers)
            for kind in ("and", "or"):
                for order in range(orders + 1):
                    size = (3.0 + shift) * np.exp(-0.5 * order) * (0.6 if kind == "or" else 1)
                    complete = (0.15 + 0.8 * depth) * np.exp(-0.15 * order)
                    waste = min(0.95, 0.15 + 1.6 * depth * (1 - depth) + 0.05 * order)
                    overlap = size * complete
                    found = {
                        "overlap": overlap,
                        "new": size - overlap,
                        "forgotten": overlap * waste / (1 - waste),
                        "completeness": complete,
                        "redundancy": waste,
                    }
                    rows += [(network, layer, depth, kind, order, name, value) for name, value in found.items()]
    frame = pd.DataFrame(rows, columns=["network", "layer", "depth", "kind", "order", "quantity", "mean"])
    marked = (frame["network"] == next(iter(networks))) & (frame["layer"] == next(iter(networks.values()))[1])
    return spread_around(frame).assign(marked=marked, n=n)


def by_order(column, names, means, orders=6, n=30):
    """Lines over orders at both places and kinds; `means(line, order)` gives the values."""
    rows = [
        (name, place, kind, order, means(line, order) * (0.8 if place == "output" else 1))
        for line, name in enumerate(names)
        for place in PLACES
        for kind in ("and", "or")
        for order in range(1, orders + 1)
    ]
    return spread_around(pd.DataFrame(rows, columns=[column, "place", "kind", "order", "mean"])).assign(n=n)


def sorted_curves(networks=NETWORKS, n=30):
    """Strengths that fall like a power of the rank."""
    rank = np.geomspace(1 / n, 8000, 300)
    parts = []
    for shift, network in enumerate(networks):
        strength = 1 / (1 + rank / (1.5 + shift)) ** 1.2
        salient = float(rank[strength > 0.05].max())
        parts.append(
            pd.DataFrame(
                {"network": network, "rank": rank, "strength": strength, "tau": 0.05, "salient": salient, "n": n}
            )
        )
    return pd.concat(parts, ignore_index=True)


def attributions(words=WORDS, places=("transformer 8", "output")):
    """Interactions, Shapley values and integrated gradients of one sentence."""
    rng, rows = np.random.default_rng(1), []
    for place in places:
        for rank in range(12):
            chosen = sorted(rng.choice(len(words), 1 + rank % 4, replace=False))
            kind = ("and", "or")[rank % 2]
            name = (" & " if kind == "and" else " | ").join(words[i] for i in chosen)
            rows.append((place, "interaction", name, rng.normal() * 3 * np.exp(-rank / 5), kind))
        for what in ("shapley", "integrated gradients"):
            rows += [(place, what, word, rng.normal(), "") for word in words]
    return pd.DataFrame(rows, columns=["place", "what", "name", "value", "kind"])


def kappas(ranks=200, n=30):
    """Effects at several kappas: the larger kappa, the weaker the weak ones."""
    rng, parts = np.random.default_rng(2), []
    effects = np.sort(np.sinh(np.linspace(-3, 3.5, ranks)))[::-1]
    for place in PLACES:
        for kappa in (0.02, 0.03, 0.04, 0.05, 0.08):
            moved = effects * (1 + 0.04 - kappa) + (kappa != 0.04) * rng.normal(scale=0.3, size=ranks)
            parts.append(
                pd.DataFrame({"kappa": kappa, "rank": range(1, ranks + 1), "effect": moved, "place": place, "n": n})
            )
    return pd.concat(parts, ignore_index=True)


def noise(orders=10, n=30):
    """Quantiles of the noise share by order."""
    return pd.DataFrame(
        [
            (m, 0.03 + 0.01 / m, 0.04 + 0.01 / m, 0.055, 0.07 + 0.02 / m, 0.09 + 0.05 / m, n)
            for m in range(1, orders + 1)
        ],
        columns=["order", "q05", "q25", "q50", "q75", "q95", "n"],
    )


def counted(networks=("MNIST: MLP-7", "CIFAR-10: VGG-11"), samples=30):
    """Salient interactions of samples under settings of three groups."""
    rng, parts = np.random.default_rng(3), []
    settings = [
        ("kappa", "0"),
        ("kappa", "0.03"),
        ("kappa", "0.04"),
        ("kappa", "0.05"),
        ("solver", "exact"),
        ("solver", "sgd, 10 000 steps"),
        ("threshold", "per sample"),
        ("threshold", "per layer"),
    ]
    for network, paper in zip(networks, (21.8, 45.6), strict=True):
        for place, (group, setting) in enumerate(settings):
            count = rng.lognormal(np.log(paper * (1 + 0.4 * ((place * 5) % 7))), 0.5, samples).round()
            parts.append(
                pd.DataFrame({"setting": setting, "group": group, "network": network, "count": count, "paper": paper})
            )
    return pd.concat(parts, ignore_index=True)


def paper(networks=FEW):
    """Arguments of each figure; `NETWORKS` gives figures as wide as they come, `FEW` quick ones."""
    nets = list(networks)
    pairs = [f"{a} and {b}" for i, a in enumerate(nets) for b in nets[i + 1 :]]
    agreement = by_order("pair", pairs, lambda line, order: 0.75 * np.exp(-0.3 * order) + 0.02 * line)
    shares = by_layer(networks)
    return {
        "paper_agreement": (agreement.assign(chance=0.12 / agreement["order"]), "and"),
        "paper_attributions": (attributions(), WORDS),
        "paper_counts": (counted(),),
        "paper_kappa": (kappas(),),
        "paper_noise_share": (noise(),),
        "paper_overlap": (shares, "and"),
        "paper_ratios": (shares, "or"),
        "paper_stability": (
            by_order("network", nets, lambda line, order: 90 * np.exp(-0.9 * order) * (1 + line)),
            "or",
        ),
        "paper_strengths": (sorted_curves(networks),),
    }
