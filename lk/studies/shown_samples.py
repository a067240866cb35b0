"""Which samples a report draws: one of each class first, those that the network classifies correctly before others."""

from lk.extraction import Samples
from lk.games import OUTPUT
from lk.interactions import Interactions

SAMPLES, LAYERS = 4, 5  # drawn at the output; at which one sample is drawn

Group = tuple[str, str, int]  # name, layer, position of the sample


def shown_samples(final: Interactions, samples: Samples) -> dict[str, list[Group]]:
    """Rows of the two figures of strongest interactions.

    Args:
        final: The last checkpoint.
        samples: What was explained.

    Returns:
        `samples`: some samples at the output. `layers`: one of them at some layers, evenly spread.
    """
    labels, correct = samples.y.tolist(), final.presumed_correct.tolist()
    good = sorted(range(len(labels)), key=lambda i: (not correct[i], i))
    turn = {i: sum(labels[j] == labels[i] for j in good[:place]) for place, i in enumerate(good)}
    order = sorted(good, key=lambda i: (turn[i], not correct[i], i))
    shown = sorted(order[:SAMPLES], key=lambda i: labels[i])

    def name(i: int) -> str:
        wrong = "" if correct[i] else "\nmisread"
        return f"{samples.classes[labels[i]]}\nno. {int(samples.index[i])}{wrong}"

    layers, last = list(final.layers), LAYERS - 1
    few = layers if len(layers) <= LAYERS else [layers[round(i * (len(layers) - 1) / last)] for i in range(LAYERS)]
    subject = next((i for i in shown if correct[i]), shown[0])
    return {
        "samples": [(name(i), OUTPUT if OUTPUT in layers else layers[final.output], i) for i in shown],
        "layers": [(layer, layer, subject) for layer in few],
    }
