"""Links from the words of a text to their entries in the glossary."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

# How entries of the glossary are written in a sentence, where that differs from the entry itself.
WRITTEN = {
    "player": "players?",
    "coalition": "coalitions?",
    "masked sample": "masked samples?",
    "AND interaction": "AND interactions?",
    "OR interaction": "OR interactions?",
    "interaction": "interactions?",
    "checkpoint": "checkpoints?",
    "order": "orders?",
    "irrep": "irreps?",
    "coset": "cosets?",
    "circuit": "circuits?",
    "verifier": "verifiers?",
    "bound": "bounds?",
    "effect, strength": "effects?|strengths?",
    "probe": "[Pp]robes?",
    "layer, output": "hidden layers?",
    "low, high orders": "low orders|high orders",
    "salient": "[Ss]alien(?:t|ce)",
    "newly emerged": "[Nn]ewly emerged|emerges later",
    "† marked": "[Mm]arked †",
    "value v(S)": r"v\(S\)",
    "network, seed": "seeds?",
    "mean |v(N) − v(∅)|": r"[Mm]ean \|v\(N\) − v\(∅\)\|",
}


def anchor(word: str) -> str:
    """Where links to an entry lead.

    Example:
        >>> anchor("effect, strength")
        'term-effect-strength'
    """
    return "term-" + re.sub(r"\W+", "-", word.lower()).strip("-")


class Terms:
    """Marks up the first use of each term in each part of a page.

    Args:
        glossary: Term to meaning.

    Example:
        >>> terms = Terms({"player": "A part of the input."})
        >>> terms("box", "Two players & more players")
        Markup('Two <a class="term" href="#term-player" title="A part of the input.">players</a> &amp; more players')
    """

    def __init__(self, glossary: Mapping[str, str]) -> None:
        self.glossary = glossary
        self.seen: dict[str, set[str]] = {}
        longest = sorted(glossary, key=len, reverse=True)
        self.groups = {f"t{place}": word for place, word in enumerate(longest)}
        ways = (
            f"(?P<{name}>{WRITTEN.get(word) or f'[{word[0].upper()}{word[0].lower()}]{re.escape(word[1:])}'})"
            for name, word in self.groups.items()
        )
        self.pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(ways)})(?![\w-])") if glossary else None

    def __call__(self, part: str, text: str) -> Markup:
        """A text with links, escaped.

        Args:
            part: Name of the part of the page.
            text: What stands there.
        """
        if self.pattern is None:
            return escape(text)
        seen, said, end = self.seen.setdefault(part, set()), Markup(), 0
        for found in self.pattern.finditer(text):
            word = self.groups[str(found.lastgroup)]
            if word in seen:
                continue
            seen.add(word)
            link = Markup('<a class="term" href="#{}" title="{}">{}</a>')
            said += escape(text[end : found.start()]) + link.format(anchor(word), self.glossary[word], found[0])
            end = found.end()
        return said + escape(text[end:])
