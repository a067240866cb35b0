"""The words of the reports, in a sentence each, and where they come from."""

from lk.metrics.intervals import LEAST

SOURCE = "Cheng et al., Layerwise Change of Knowledge in Neural Networks, ICML 2024"
GROUP_SOURCE = "Wu et al., Towards a Unified and Verified Understanding of Group-Operation Networks, ICLR 2025"

METHOD = (
    "Intervals: Student's t on what each sample changes, with numerator, denominator and normaliser computed anew "
    f"without it, and wider on the side of a longer tail; none where fewer than {LEAST} samples carry a number, or "
    "nothing varies."
)

GLOSSARY = {
    "player": "A part of the input that can be absent: a patch of an image, a column of a table.",
    "coalition": "A set of players that are present. N is the grand coalition, ∅ the empty one.",
    "masked sample": (
        "The sample with the players outside a coalition replaced, usually by their mean over the training set."
    ),
    "value v(S)": (
        "The score of the masked sample that shows coalition S; by default the log-odds of the true class, in nats."
    ),
    "layer, output": (
        "A hidden layer is read through its probe, a linear classifier on the frozen network; the output is the "
        "network's own."
    ),
    "depth": "Place of a layer among those read, from 0 (first) to 1 (output).",
    "nats": "Unit of log-odds, with natural logarithms: one nat more multiplies the odds by 2.7.",
    "interaction": "A set of players with an effect of its own on the score, beyond the effects of its parts.",
    "AND interaction": "Acts on the score only when all its players are present.",
    "OR interaction": "Acts on the score when any of its players is present.",
    "order": "Number of players of an interaction.",
    "effect, strength": "An effect is signed, plus speaks for the class; strength is its absolute value.",
    "salient": "Stronger than 5 % (the salience ratio) of the strongest interaction of the same sample and layer.",
    "overlap": (
        "Strength that two sets share: the smaller of both effects where both are salient and have the same sign."
    ),
    "forgotten": "Strength that a layer has and the later one lacks.",
    "newly emerged": "Strength that the later one has and the layer lacks.",
    "completeness": "Overlap with the output, divided by the output's salient strength.",
    "redundancy": "Strength that the output lacks, divided by the layer's salient strength.",
    "mean |v(N) − v(∅)|": (
        "How far the score moves when all players are masked; strengths are divided by it to compare layers."
    ),
    "certified": "The decomposition's total strength is proven to be close to the least possible one.",
    "canonical": (
        "Of all sparsest decompositions the one preferred by a fixed rule; proven, not assumed, to be the one shown."
    ),
    "matching": (
        "AND and OR interactions together rebuild the value of every masked sample, up to a small bounded residual."
    ),
    "probe": "A linear classifier, fitted to one layer of the frozen network; its log-odds are the layer's score.",
    "checkpoint": "A moment of training at which all layers were read.",
    "† marked": (
        "The probe is at chance, or masking hardly moves the score: what such a layer is said to know may be noise."
    ),
}

STUDY_GLOSSARY = {
    "intermediate layer": "The hidden layer nearest to half of the depth, of those that are read.",
    "low, high orders": (
        "The lower and the upper half of the orders shown; the four highest are left out, as in the paper."
    ),
    "stability": "Mean of an effect over draws of noise on the input, divided by its standard deviation.",
    "IoU": "Intersection over union of the salient sets of two networks on the same sample.",
    "opposite lean": "Among equally sparse decompositions, the one with strength at high orders instead of low ones.",
    "random labels": "Probes fitted on shuffled labels: what a layer then seems to hold is the capacity of its probe.",
    "untrained network": "The initial network with probes of its own.",
    "another draw": "Probes fitted on other training samples, at most half of them.",
    "published probes": "Probes fitted as in the paper: a short run of SGD on raw features, without a penalty.",
    "contrast": "A number that is above zero where a finding holds; its 95 % interval decides.",
}

GROUP_GLOSSARY = {
    "Cayley table": (
        "The multiplication table of a group: row x, column y, entry xy. A network learns it from a part of its n² "
        "pairs."
    ),
    "network, seed": "Networks of a run are trained at once and differ only in the seed of their initial weights.",
    "irrep": (
        "Irreducible representation: one of the group's elementary ways to act by rotations, its generalised "
        "frequencies."
    ),
    "coset": "A shifted subgroup, gH or Hg; the cosets of a subgroup cut the group into parts of equal size.",
    "G-set": "Finitely many points that the group permutes.",
    "ρ-set": "A G-set made of vectors that an irrep ρ permutes.",
    "stabiliser": "The subgroup that leaves a point in place; it decides a G-set up to names.",
    "circuit": "Neurons that belong to pairs of points of two G-sets and together depend on w = x⁻¹ z y⁻¹ alone.",
    "explanation": (
        "Plain data that says what a network computes: its circuits, or its irreps. Nothing about it is believed."
    ),
    "verifier": (
        "A program that turns weights and an explanation into a bound that is true whatever the explanation says."
    ),
    "bound": "Share of all pairs that a verifier proves to be answered rightly; never above the true accuracy.",
    "certificate": "What a verifier returns: bound, proven logit gap of every pair, cost.",
    "margin": (
        "Lead of the right answer over the best wrong one, in logits, in the ideal network that an explanation "
        "describes."
    ),
    "error": "What a proof loses against the margin, because the network is not the ideal one.",
    "brute force": "Evaluating every pair: exact, at a cost of n³ m multiply-adds, the unit of all costs here.",
    "cascade": (
        "Verifiers one after another, cheap ones first; each takes the pairs that are still open, brute force the last."
    ),
    "groks": "Test accuracy rises above 0.99.",
    "provable": "A bound of at least 0.95 through an explanation alone.",
}
