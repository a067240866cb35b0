"""Games on small networks in training.

An MLP and a CNN on digits and MNIST, four layers and the output, several epochs.
"""

import gzip
import itertools
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

EPOCHS = {"digits": (0, 1, 3, 10, 40), "mnist": (0, 1, 3, 10, 20)}  # the last one is called trained


def images(data: str, data_dir: Path) -> tuple[Tensor, Tensor]:
    """Images `(count, height, width)` in [0, 1] and labels; of MNIST the first 10 000, which is enough to train on."""
    if data == "digits":
        x, y = load_digits(return_X_y=True)
        return torch.tensor(x, dtype=torch.float32).view(-1, 8, 8) / 16, torch.tensor(y)
    arrays = []
    for name, offset in (("train-images-idx3-ubyte", 16), ("train-labels-idx1-ubyte", 8)):
        found = next(path for path in sorted(data_dir.rglob(name + "*")) if path.is_file())
        raw = gzip.decompress(found.read_bytes()) if found.suffix == ".gz" else found.read_bytes()
        arrays.append(torch.from_numpy(np.frombuffer(raw, np.uint8, offset=offset).copy()))
    return arrays[0].view(-1, 28, 28)[:10_000].float() / 255, arrays[1][:10_000].long()


def network(kind: str, side: int) -> list[nn.Module]:
    """Blocks whose outputs are the four layers and the logits."""
    if kind == "mlp":
        widths = [side * side, 128, 64, 64, 32]
        blocks = [nn.Sequential(nn.Flatten(), nn.Linear(a, b), nn.ReLU()) for a, b in itertools.pairwise(widths)]
        return [*blocks, nn.Linear(32, 10)]
    convolution = [
        nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)) for a, b in ((1, 8), (8, 16), (16, 32))
    ]
    return [
        *convolution,
        nn.Sequential(nn.Flatten(), nn.Linear(32 * (side // 8) ** 2, 32), nn.ReLU()),
        nn.Linear(32, 10),
    ]


def layers(blocks: list[nn.Module], x: Tensor) -> list[Tensor]:
    outputs, h = [], x.unsqueeze(1)
    for block in blocks:
        h = block(h)
        outputs.append(h.flatten(1))
    return outputs


def probe(features: Tensor, labels: Tensor) -> nn.Module:
    """A linear classifier on standardised features with a fixed L2 penalty, fitted by L-BFGS."""
    mean, spread = features.mean(0), features.std(0).clamp(min=1e-3)
    linear = nn.Linear(features.shape[1], 10)
    nn.init.zeros_(linear.weight)
    standard = (features - mean) / spread
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(linear(standard), labels) + 1e-3 * linear.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        linear.weight /= spread
        linear.bias -= linear.weight @ mean
    return linear


def log_odds(logits: Tensor, label: int) -> Tensor:
    others = torch.cat([logits[:, :label], logits[:, label + 1 :]], 1)
    return (logits[:, label] - others.logsumexp(1)).double()


def masked(x: Tensor, n: int, baseline: Tensor) -> Tensor:
    """All masked samples of one image: a grid of 4 x 4 patches, the n with most foreground are players."""
    side = x.shape[-1]
    cell = torch.arange(side) * 4 // side
    patch = cell[:, None] * 4 + cell[None]
    mass = torch.stack([x[patch == p].sum() for p in range(16)])
    present = torch.ones(2**n, side, side, dtype=torch.bool)
    for bit, p in enumerate(mass.argsort(descending=True, stable=True)[:n]):
        present[:, patch == p] = (torch.arange(2**n) >> bit & 1).bool()[:, None]
    return torch.where(present, x, baseline)


def games(
    data: str, kind: str, players: tuple[int, ...], count: int, data_dir: Path, cache: Path, seed: int = 0
) -> dict:
    """Values `(2**n, count)` for each (n, epoch): five layers side by side, sample after sample."""
    path = cache / f"{data}-{kind}-{'-'.join(map(str, players))}-{count}-{seed}.pt"
    if path.exists():
        return torch.load(path, weights_only=True)
    torch.manual_seed(seed)
    x, y = images(data, data_dir)
    blocks = network(kind, x.shape[-1])
    optimizer = torch.optim.Adam([p for block in blocks for p in block.parameters()], 1e-3)
    baseline, found = x.mean(0), {}
    for epoch in range(EPOCHS[data][-1] + 1):
        if epoch in EPOCHS[data]:
            with torch.no_grad():
                features = layers(blocks, x[:2000])[:4]
            probes = [probe(feature, y[:2000]) for feature in features]
            with torch.no_grad():
                for n in players:
                    values = []
                    for sample in range(-(-count // 5)):
                        outputs = layers(blocks, masked(x[sample], n, baseline))
                        logits = [p(output) for p, output in zip(probes, outputs[:4], strict=True)] + [outputs[4]]
                        values += [log_odds(z, int(y[sample])) for z in logits]
                    found[n, epoch] = torch.stack(values[:count], 1)
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(layers(blocks, x[batch])[4], y[batch]).backward()
            optimizer.step()
    cache.mkdir(parents=True, exist_ok=True)
    torch.save(found, path)
    return found
