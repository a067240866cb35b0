"""The words that the sentences at the top of a report use, in sentences."""

from lk.games import OUTPUT
from lk.studies.extraction_averages import ExtractionAverages
from lk.text import percent


def lead(extraction: ExtractionAverages) -> list[str]:
    """What was done to the samples, and what the words mean, for a reader who knows neither.

    Args:
        extraction: What the sentences are about.
    """
    samples, ratio = extraction.final.and_.shape[2], float(extraction.settings.get("salience_ratio", 0.05))
    unit = (
        "the log-odds of the true class, in nats (1 nat multiplies the odds by 2.7)"
        if extraction.unit == "nats"
        else f"in {extraction.unit}"
        if extraction.unit == "logits"
        else "a number chosen by the settings below"
    )
    return [
        f"How to read this page. Each of {samples} samples is cut into {extraction.n} parts, its players, and shown to "
        f"the network with every combination of them masked. The score of each is {unit}. These scores split exactly "
        "into interactions: AND interactions act when all of their players are present, OR interactions when any is. "
        f"An interaction is salient where its strength is above {percent(ratio, 0)} of the strongest of its sample.",
        f"A hidden layer is read through a probe, a linear classifier. Completeness is the share of the {OUTPUT}'s "
        "salient strength that a layer already holds; redundancy is the share of a layer's salient strength that the "
        f"{OUTPUT} lacks. Numbers in brackets are 95 % intervals. Underlined words lead to the glossary.",
    ]
