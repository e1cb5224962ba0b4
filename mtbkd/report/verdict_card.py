"""A verdict at the head of the page."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """One verdict.

    Attributes:
        question: what it answers.
        answer: in a few words.
        number: with its interval, or a count.
        place: where it holds, and what was left out.
        link: the part of the page that holds the evidence.
        id: of the method it speaks of, shown on hover; "" for none.
    """

    question: str
    answer: str
    number: str
    place: str
    link: str
    id: str = ""
