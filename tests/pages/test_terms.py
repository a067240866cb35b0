"""Links to the glossary: once per part, the longest term first, and everything escaped."""

import re

import pytest

from lk.pages.glossary import GLOSSARY, GROUP_GLOSSARY, STUDY_GLOSSARY
from lk.pages.terms import Terms, anchor


def test_the_first_use_in_each_part_is_linked():
    terms = Terms(GLOSSARY)
    assert terms("box", "salient, and salient").count("<a ") == 1
    assert terms("box", "salient").count("<a ") == 0
    assert terms("other", "salient").count("<a ") == 1


def test_the_longest_term_wins_and_parts_of_words_do_not_count():
    terms = Terms(GLOSSARY)
    assert 'href="#term-and-interaction"' in terms("a", "AND interactions act")
    assert "<a" not in terms("b", "disordered, prelayer")


def test_text_is_escaped():
    assert Terms(GLOSSARY)("a", "<b> & 'player'") == re.sub(
        "PLAYER", Terms(GLOSSARY)("b", "player"), "&lt;b&gt; &amp; &#39;PLAYER&#39;"
    )


@pytest.mark.parametrize("words", [GLOSSARY, GROUP_GLOSSARY, STUDY_GLOSSARY])
def test_anchors_are_unique(words):
    assert len({anchor(word) for word in words}) == len(words)
    assert "no term" in Terms(words)("a", "no term")


def test_without_a_glossary_text_is_escaped_alone():
    assert Terms({})("a", "x & y") == "x &amp; y"
