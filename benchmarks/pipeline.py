"""Where the time of an extraction goes, beside a bare loop over the same network and the way of research code.

    uv run python benchmarks/pipeline.py runs/mnist-mlp7 runs/mnist-vgg11 --samples 4 --data-dir DIR

Each run's last checkpoint, its own players, layers, probes and batch size. Stages are timed on their own with the same
batches, best of `--repeats`, taken in turn so that a busy machine hits all alike; `whole` is the product's own `play`.
"""

import argparse
import platform
import tempfile
import time
from pathlib import Path

import torch

from lk.extraction import Extraction, Samples
from lk.extraction.tables import measure
from lk.games import OUTPUT, count_players, mask, play, present
from lk.interactions import interactions_of
from lk.layers import frozen, read_layers
from lk.probes import Probes
from lk.runs import Run
from lk.storage.trust import build
from lk.transforms import harsanyi, inverse_harsanyi


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


@torch.inference_mode()
def benchmark(path, samples, repeats, research, data_dir):
    run = Run(path)
    data = run.data(data_dir=data_dir)
    network = run.network(data)
    step = max(s for s in run.checkpoints if run.probes(s).is_file())
    run.load(network, step)
    settings = run.extraction_config("default")
    extraction: Extraction = build({"class_path": "lk.extraction.Extraction", "init_args": settings})
    network, probes = frozen(network), Probes.load(run.probes(step))
    stored = Samples.load(run.extraction("default") / "samples.safetensors")
    x, y, owner, filler = (t[:samples] for t in (stored.x, stored.y, stored.owner, stored.filler))
    layers, n, size = extraction.layers_of(network), count_players(stored.owner), extraction.batch_size
    table = present(n)
    chunks = [(b, slice(s, s + size)) for b in range(samples) for s in range(0, 2**n, size)]
    channels_last = any(isinstance(m, torch.nn.Conv2d) for m in network.modules())

    def masked(b, rows):
        batch = mask(x[b], filler[b], owner[b], table[rows])
        return batch.contiguous(memory_format=torch.channels_last) if channels_last else batch

    batch = masked(*chunks[0])
    with read_layers(network, layers) as activations:
        network(batch)
    activations = dict(activations)
    best, ratios = {}, []

    def keep(name, seconds):
        best[name] = min(seconds, best.get(name, float("inf")))
        return seconds

    for _ in range(repeats):
        bare = keep("bare loop", timed(lambda: [network(batch) for _ in chunks])[0])
        keep("masking", timed(lambda: [masked(*chunk) for chunk in chunks])[0])
        keep("probes", timed(lambda: [probes(activations) for _ in chunks])[0])
        seconds, (values, _) = timed(
            lambda: play(network, probes, layers, x, y, owner, filler, extraction.score, extraction.background, size)
        )
        ratios.append(bare / keep("whole", seconds))
    measure(
        interactions_of(values[:, :, :1], [*layers, OUTPUT]), None, values[:, :, :1]
    )  # compile all that is timed below
    inverse_harsanyi(harsanyi(values))
    keep("transforms", timed(lambda: inverse_harsanyi(harsanyi(values)))[0])
    seconds, found = timed(lambda: interactions_of(values, [*layers, OUTPUT], extraction.kappa))
    keep("decomposition", seconds)
    keep("metrics", timed(lambda: measure(found, found, values))[0])
    with tempfile.TemporaryDirectory() as folder:
        keep("writing", timed(lambda: found.save(Path(folder) / "interactions.safetensors"))[0])
    # Research code: for each layer, for each masked sample, one forward pass of one image and that layer's probe.
    some = torch.linspace(0, 2**n - 1, research).long().tolist()

    def one_by_one():
        for layer in layers:
            for coalition in some:
                with read_layers(network, [layer]) as one:
                    network(masked(0, slice(coalition, coalition + 1)))
                probes(
                    {**activations, layer: one[layer]}
                    if len(layers) == 1
                    else {name: a[:1] for name, a in {**activations, **one}.items()}
                )

    slow = timed(one_by_one)[0] / research * 2**n * samples

    count = 2**n * samples
    network_name = run.config["model"]["network"]["class_path"].rsplit(".", 1)[-1]
    print(
        f"\n## {network_name}: step {step}, n = {n}, {samples} samples, {len(layers)} layers and the output, batches "
        f"of {size}\n"
    )
    print("| stage | seconds | share |\n|---|---|---|")
    stages = {
        "masking": best["masking"],
        "forwards": best["bare loop"],
        "probes": best["probes"],
        "hooks, scores, checks": max(0.0, best["whole"] - best["masking"] - best["bare loop"] - best["probes"]),
        "transforms": best["transforms"],
        "decomposition": best["decomposition"],
        "metrics": best["metrics"],
        "writing": best["writing"],
    }
    total = sum(stages.values())
    for stage, seconds in stages.items():
        print(f"| {stage} | {seconds:.3f} | {100 * seconds / total:.1f} % |")
    print(f"| total | {total:.3f} | |\n")
    print(
        f"* masked samples per second: {count / best['whole']:,.0f}; bare loop over the same network: "
        f"{count / best['bare loop']:,.0f}"
    )
    ratios.sort()
    print(
        f"  (ratio of the best times {best['bare loop'] / best['whole']:.2f}; of {len(ratios)} pairs: median "
        f"{ratios[len(ratios) // 2]:.2f},"
    )
    print(f"  from {ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(
        f"* one layer and one masked sample at a time: {slow:.1f} s, {slow / best['whole']:.1f} times as long "
        f"({research} coalitions measured)"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--research", type=int, default=64)
    parser.add_argument("--data-dir")
    given = parser.parse_args()
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}, Python "
        f"{platform.python_version()}"
    )
    for path in given.runs:
        benchmark(path, given.samples, given.repeats, given.research, given.data_dir)
