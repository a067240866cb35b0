"""The answers of one run in plain language, computed from its tables."""

from collections.abc import Mapping

import pandas as pd

from lk.games import OUTPUT


def number(value: float, digits: int = 2) -> str:
    """A number with a true minus sign; a dash where it is not defined."""
    return "–" if pd.isna(value) else f"{value:.{digits}f}".replace("-", "−")


def spanned(row: pd.Series, digits: int = 2) -> str:
    """A mean with its 95 % interval.

    Example:
        >>> spanned(pd.Series({"mean": 0.5, "low": 0.4, "high": 0.6}))
        '0.50 (0.40 to 0.60)'
    """
    if pd.isna(row["low"]):
        return number(row["mean"], digits)
    return f"{number(row['mean'], digits)} ({number(row['low'], digits)} to {number(row['high'], digits)})"


def totals(shares: pd.DataFrame, quantity: str, reference: str = "output") -> pd.DataFrame:
    """Rows of one quantity with both kinds and all orders together, by depth."""
    rows = shares[
        (shares["kind"] == "both") & (shares["order"] == 0) & (shares["quantity"] == quantity) & (shares["reference"] == reference)
    ]
    return rows.sort_values(["step", "depth"], kind="stable")


def on_salience(counts: pd.DataFrame, n: int) -> str:
    """How many interactions are salient at the output, of how many."""
    row = counts[(counts["layer"] == OUTPUT) & (counts["kind"] == "both") & (counts["order"] == 0)].iloc[0]
    possible = 2 * (2**n - 1) - n
    return (
        f"At the output an explained sample has {spanned(row, 1)} salient interactions, {100 * row['mean'] / possible:.1f} % of the "
        f"{possible:,} possible among {n} players (n = {int(row['n'])} samples)."
    )


def on_layers(shares: pd.DataFrame) -> str:
    """Where in depth the output's interactions are first there."""
    hidden = totals(shares, "completeness")
    hidden = hidden[hidden["layer"] != OUTPUT].reset_index(drop=True)
    if not len(hidden) or hidden["mean"].isna().all():
        return "No hidden layer was read, so nothing can be said about where the interactions are learned."
    there = hidden[hidden["mean"] >= 0.5]
    if len(there):
        first = there.iloc[0]
        text = f"Half of the output's salient strength is first present at {first['layer']}: completeness {spanned(first)}."
        if first.name == 0 and len(hidden) > 1:
            text = f"Already the first layer, {first['layer']}, holds half of the output's salient strength: completeness {spanned(first)}."
    else:
        best = hidden.iloc[int(hidden["mean"].argmax())]
        text = f"No hidden layer holds half of the output's salient strength; {best['layer']} holds most, completeness {spanned(best)}."
    steps = hidden["mean"].diff()
    if len(hidden) > 1 and steps.max() > 0.02:
        after = int(steps.argmax())
        text += f" It rises most from {hidden['layer'][after - 1]} to {hidden['layer'][after]} (+{steps.max():.2f})."
    waste = totals(shares, "redundancy")
    waste = waste[waste["layer"] != OUTPUT]
    if waste["mean"].notna().any():
        most = waste.iloc[int(waste["mean"].argmax())]
        text += f" Redundancy is highest at {most['layer']}: {spanned(most)} of its salient strength is not used by the output."
    return text


def on_epochs(shares: pd.DataFrame) -> str:
    """When in training the finished network's interactions are first at its output."""
    rows = totals(shares, "completeness", "final output")
    rows = rows[rows["layer"] == OUTPUT].reset_index(drop=True)
    if len(rows) < 2:
        return ""
    there = rows[rows["mean"] >= 0.5]
    first = there.iloc[0]
    if first.name == len(rows) - 1:
        before = rows.iloc[-2]
        return (
            f"Over training: at epoch {before['epoch']:.3g}, the last checkpoint before the end, the output held {spanned(before)} of "
            "the strength "
            "of its final interactions."
        )
    return (
        f"Over training: epoch {first['epoch']:.3g} is the first checkpoint at which the output holds half of its final interactions: "
        f"{spanned(first)} of their strength."
    )


def on_proof(games: pd.DataFrame, gap: float) -> str:
    """How much of the decomposition is certified, and how well it rebuilds the values."""
    share, error = games["certified"].mean(), games["matching_error"].max()
    text = (
        f"{100 * share:.4g} % of the {len(games):,} decompositions are certified: their total strength is proven to be within "
        f"{100 * gap:g} % "
        "of the least possible one."
    )
    if pd.notna(error):
        text += f" The interactions rebuild the value of every masked sample; the largest error is {error:.0e} of the total strength."
    return text


def on_doubts(doubts: pd.DataFrame, epochs: Mapping[int, float]) -> str:
    """Which layers are marked, and when."""
    bad = doubts[doubts["marked"]]
    if not len(bad):
        return "No layer had to be marked: every probe is above chance, and every score moves when players are masked."
    last = bad[bad["step"] == doubts["step"].max()]
    early = bad[bad["step"] != doubts["step"].max()]
    text = "In the finished network no layer had to be marked."
    if len(last):
        named = "; ".join(f"{row['layer']} ({row['why']})" for row in last.to_dict("records"))
        text = f"Marked † in the finished network, to be read with care: {named}."
    if len(early):
        named = "; ".join(
            f"{layer} at epoch {', '.join(f'{epochs[step]:.2g}' for step in rows['step'])}"
            for layer, rows in early.groupby("layer", sort=False)
        )
        text += f" Marked at earlier checkpoints: {named}."
    return text
