"""Sentences as the page shows them: two numbers at most, all others below the words; titles instead of ids."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

STATISTIC = re.compile(
    r"(?P<head>[+\N{MINUS SIGN}-]?\d[\d.,]*)?(?P<rest>\s?\[[^\]\d]*\d[^\]]*\](?: e)?"
    r"(?:,? (?:n|p|d) = [^\s,;:)]*[^\s,;:).]|, too few replicates for a test|, detects [^\s,;:)]*[^\s,;:).]"
    r"|, over test examples [^\s]+(?: \[[^\]]*\](?: e)?)?)*)"
    r"|(?P<alone>[;,] (?:p|n|d) = [^\s,;:)]*[^\s,;:).](?: after Holm's correction for \d+)?)"
)
MOST_NUMBERS = 2
NUMBER = re.compile(r"(?<![\w.,-])[+\N{MINUS SIGN}-]?(?:\d[\d,]*\.?\d*|\.\d+)(?!\w)")  # none that is part of a name
ASIDE = re.compile(r"(?P<of>[^\s(]+(?: [✗⚠])?)(?P<aside>(?: \((?:[^()]|\([^()]*\))*\))+)")
ENDS, CLAUSES = re.compile(r"(?<=[.?!])\s+"), re.compile(r";\s(?![^(]*\))")


def in_words(text: str) -> tuple[str, str]:
    """Sentences of at most ``MOST_NUMBERS`` each, and what can be checked below them: statistics first, then asides and
    clauses of sentences that have more. A sentence without a clause that is short enough stays.

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

    words = []
    for sentence in ENDS.split(STATISTIC.sub(taken, text)):
        kept, rest = (sentence, []) if _numbers(sentence) <= MOST_NUMBERS else _brief(sentence)
        words.append(kept)
        found += rest
    return " ".join(words), "; ".join(found)


def _numbers(sentence: str) -> int:
    return len(NUMBER.findall(sentence))


def _brief(sentence: str) -> tuple[str, list[str]]:
    """Its first clauses, or the words before its colon; and what is left of it."""
    asides: list[str] = []

    def taken(found: re.Match[str]) -> str:
        if not _numbers(found["aside"]):
            return found[0]
        asides.append(f"{found['of']}: {found['aside'][2:-1].replace(') (', ', ')}")
        return found["of"]

    clauses = CLAUSES.split(ASIDE.sub(taken, sentence).rstrip("."))
    short = [n for n in range(1, len(clauses) + 1) if _numbers("; ".join(clauses[:n])) <= MOST_NUMBERS]
    if short:
        return "; ".join(clauses[: short[-1]]) + ".", clauses[short[-1] :] + asides
    lead, _, rest = clauses[0].partition(": ")
    return (f"{lead}:", [rest, *clauses[1:], *asides]) if rest and _numbers(lead) <= MOST_NUMBERS else (sentence, [])


def called(sentence: str, titles: Mapping[str, str]) -> Markup:
    """``sentence`` with titles instead of methods' ids, each a link to the method's card; the id is shown on hover."""
    if not titles:
        return escape(sentence)
    ids = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, sorted(titles, key=len, reverse=True)))})(?![\w-])")
    parts = ids.split(sentence)
    named = Markup('<a class="method" href="#method-{}"><abbr title="{}">{}</abbr></a>')
    return Markup("").join(named.format(each, each, titles[each]) if i % 2 else escape(each) for i, each in enumerate(parts))
