"""Sentences as the page shows them: statistics below the words, titles instead of ids."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

STATISTIC = re.compile(
    r"(?P<head>[+\N{MINUS SIGN}-]?\d[\d.,]*)?(?P<rest>\s?\[[^\]\d]*\d[^\]]*\](?: e)?"
    r"(?:,? (?:n|p|d) = [^\s,;:)]+|, too few replicates for a test|, detects [^\s,;:)]+"
    r"|, over test examples [^\s]+(?: \[[^\]]*\](?: e)?)?)*)"
    r"|(?P<alone>[;,] (?:p|n|d) = [^\s,;:)]+(?: after Holm's correction for \d+)?)"
)


def in_words(sentence: str) -> tuple[str, str]:
    """A sentence without its statistics, and these: what a reader wants first, and what can be checked below it.

    >>> in_words("NLL: tip vs kd, +0.013 [+0.006, +0.020], n = 8, p = 0.031: worse.")
    ('NLL: tip vs kd, +0.013: worse.', '+0.013 [+0.006, +0.020], n = 8, p = 0.031')
    """
    found: list[str] = []

    def taken(match: re.Match[str]) -> str:
        if match["alone"]:
            found.append(match["alone"].lstrip(";, "))
            return ""
        found.append(match[0].strip())
        return match["head"] or ""

    return STATISTIC.sub(taken, sentence), "; ".join(found)


def called(sentence: str, titles: Mapping[str, str]) -> Markup:
    """``sentence`` with titles instead of methods' ids, each a link to the method's card; the id is shown on hover."""
    if not titles:
        return escape(sentence)
    ids = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, sorted(titles, key=len, reverse=True)))})(?![\w-])")
    parts = ids.split(sentence)
    named = Markup('<a class="method" href="#method-{}"><abbr title="{}">{}</abbr></a>')
    return Markup("").join(named.format(each, each, titles[each]) if i % 2 else escape(each) for i, each in enumerate(parts))
