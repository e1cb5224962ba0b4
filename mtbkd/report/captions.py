"""Captions of figures: a short one, how to read the figure, and nothing of a paper that a study does not repeat."""

import re

MOST_WORDS = 60


def divided(text: str) -> tuple[str, str]:
    """A figure's caption in two: what it shows, below ``MOST_WORDS`` words, and how to read it; a blank line or the end of a
    sentence divides them."""
    first, _, rest = text.partition("\n\n")
    kept: list[str] = []
    sentences = re.split(r"(?<=[.?!])\s+(?=[A-Z0-9\"(\u03bb])", " ".join(first.split()))
    for sentence in sentences:
        if kept and sum(len(each.split()) for each in [*kept, sentence]) >= MOST_WORDS:
            break
        kept.append(sentence)
    return " ".join(kept), " ".join([*sentences[len(kept) :], *rest.split()])


PRINTED = r"(?:the paper|BKD)'s (?:Fig\. \d+|Table \d+|coverage study)"
ASIDE = re.compile(rf"\s\([^()]*{PRINTED}[^()]*\)|, as in {PRINTED}", re.IGNORECASE)
START = re.compile(rf"{PRINTED}[^:.]*: (\w)", re.IGNORECASE)


def unprinted(text: str) -> str:
    """``text`` without the remarks that compare a figure with one of a paper.

    >>> unprinted("The paper's Fig. 3 with our numbers: truth and teachers, as in the paper's Fig. 6.")
    'Truth and teachers.'
    """
    return START.sub(lambda match: match[1].upper(), ASIDE.sub("", text))
