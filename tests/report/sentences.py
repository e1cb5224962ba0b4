"""Sentences that a reader of the page stumbles over."""

import html
import re
from collections.abc import Iterable

from mtbkd.report.wording import in_words

NUMBER = re.compile(r"(?<![\w.,-])[+\N{MINUS SIGN}-]?(?:\d[\d,]*\.?\d*|\.\d+)(?!\w)")
SMALL = re.compile(r"<small>.*?</small>|<span popover.*?</span>|<a class=.method.*?</a>", re.DOTALL)


def dense(texts: Iterable[str]) -> list[str]:
    """Sentences of ``texts`` that hold more than two numbers when the page shows them, intervals apart."""
    shown = [re.sub(r"\[[^]]*\]", "", in_words(text)[0]) for text in texts]
    return [each for text in shown for each in re.split(r"(?<=[.?!])\s+", text) if len(NUMBER.findall(each)) > 2]


def of_page(page: str) -> list[str]:
    """What the page's answers, findings, sections on questions and cards say, without the small print."""
    found = [each for part in re.findall(r'<dl class="answer">(.*?)</dl>', page, re.DOTALL) for each in _inside(part, "dd")]
    found += [each for part in re.findall(r'<ul class="told">(.*?)</ul>', page, re.DOTALL) for each in _inside(part, "li")]
    for part in re.findall(r'<ul class="cards".*?</ul>', page, re.DOTALL):
        found += [*_inside(part, "strong"), *_inside(part, "span")]
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", SMALL.sub(" ", each))).split()) for each in found]


def _inside(text: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", text, re.DOTALL)
