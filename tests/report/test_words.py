"""What the page says: words explained once, statistics below sentences, short captions, and colours that mean what they say."""

import re

import pytest

from mtbkd.base.registry import FIGURES, figure
from mtbkd.report.captions import MOST_WORDS, divided, unprinted
from mtbkd.report.experiment import LOOKS, VERDICT_MARKS
from mtbkd.report.glossary import METRICS, TERMS, explained
from mtbkd.report.versus import BETTER, COMPATIBLE, WORSE
from mtbkd.report.wording import called, in_words


@pytest.mark.parametrize("name", FIGURES)
def test_every_caption_is_short_and_its_help_apart(name: str) -> None:
    told = " ".join(figure(name).CAPTION.split())
    shown, help = divided(told)
    assert 0 < len(shown.split()) < MOST_WORDS
    assert f"{shown} {help}".strip() == told, "nothing is lost"


def test_an_author_divides_a_caption_by_a_blank_line() -> None:
    assert divided("One. Two.\n\nHow it\nis read.") == ("One. Two.", "How it is read.")


def test_no_paper_is_named_where_none_is_repeated() -> None:
    told = {
        "Uncertainty, as in the paper's Fig. 6: a box a method.": "Uncertainty: a box a method.",
        "The paper's Fig. 4 for this experiment: how often.": "How often.",
        "Where each is uncertain (the last panel of the paper's Fig. 3, for every method).": "Where each is uncertain.",
    }
    assert [unprinted(text) for text in told] == list(told.values())
    captions = [" ".join(figure(name).CAPTION.split()) for name in FIGURES if figure(name).SCOPE == "experiment"]
    assert any("the paper's Fig." in caption for caption in captions)
    assert not [caption for caption in map(unprinted, captions) if re.search(r"paper's (Fig|Table)|as in BKD", caption)]


@pytest.mark.parametrize(
    ("sentence", "words", "statistics"),
    [
        ("NLL: a vs b, +0.013 [+0.006, +0.020], n = 8, p = 0.031, d = +1.200, detects 0.04: worse.",
         "NLL: a vs b, +0.013: worse.", "+0.013 [+0.006, +0.020], n = 8, p = 0.031, d = +1.200, detects 0.04"),
        ("Its NLL is 0.22 [0.19, 0.25], a lower NLL; p = 0.039 after Holm's correction for 5.",
         "Its NLL is 0.22, a lower NLL.", "0.22 [0.19, 0.25]; p = 0.039 after Holm's correction for 5"),
        ("On digits, 3 of 4 pass [see below].", "On digits, 3 of 4 pass [see below].", ""),
    ],
)  # fmt: skip
def test_statistics_stand_below_the_sentence(sentence: str, words: str, statistics: str) -> None:
    assert in_words(sentence) == (words, statistics)


def test_a_word_is_explained_once_and_never_within_links_headings_or_tables() -> None:
    html = "<h2>Gates</h2><p title='gate'><a href='#x'>gate</a> A gate and a gate.</p><table><td>NLL</td></table>"
    found = explained(html)
    assert found.count('popovertarget="tip-gate"') == 1
    assert re.sub(r"</?button[^>]*>", "", found) == html


def test_every_explanation_has_its_place() -> None:
    assert len({term.id for term in TERMS}) == len(TERMS)
    assert {label for label, *_ in METRICS.values()} <= {term.title for term in TERMS}
    for term in TERMS:
        assert not term.words or re.compile(term.words)


def test_methods_have_titles_and_their_ids_on_hover() -> None:
    told = called("tip_a beats tip <b>", {"tip": "MT-BKD", "tip_a": "MT-BKD, A & B"})
    cards = [f'<a class="method" href="#method-{id}"><abbr title="{id}">{title}</abbr></a>'
             for id, title in (("tip_a", "MT-BKD, A &amp; B"), ("tip", "MT-BKD"))]  # fmt: skip
    assert told == f"{cards[0]} beats {cards[1]} &lt;b&gt;"


def test_a_printed_number_that_ours_passes_is_not_red() -> None:
    assert LOOKS[BETTER] != "bad" and LOOKS[WORSE] == "bad" and LOOKS[COMPATIBLE] == "good"
    assert VERDICT_MARKS[BETTER] != VERDICT_MARKS[WORSE]
