"""Which words of a sentence carry content."""

# The English stop words of Porter et al. in the 127-word list that text libraries ship; contractions as the treebank
# splits them (`n't`, `'s`) are no part of it and count as content, because they carry meaning ("not").
LISTED = """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it
    its itself they them their theirs themselves what which who whom this that these those am is are was were be been
    being have has had having do does did doing a an the and but if or because as until while of at by for with about
    against between into through during before after above below to from up down in out on off over under again further
    then once here there when where why how all any both each few more most other some such no nor not only own same so
    than too very s t can will just don should now
"""
STOP_WORDS = frozenset(LISTED.split())


def is_content(word: str) -> bool:
    """Whether a word is a player: it has a letter (punctuation and numbers have none) and is no stop word.

    Example:
        >>> [word for word in "one of polanski 's best films , k 19 !".split() if is_content(word)]
        ['one', 'polanski', "'s", 'best', 'films', 'k']
    """
    return any(letter.isalpha() for letter in word) and word.lower() not in STOP_WORDS
