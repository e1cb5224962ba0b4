"""What the page says: words explained once, statistics below sentences, short captions, and colours that mean what they say."""

import re

import pytest

from mtbkd.base.registry import FIGURES, figure
from mtbkd.data.published.tables import Number
from mtbkd.report.answers import sentences
from mtbkd.report.captions import MOST_WORDS, divided, unprinted
from mtbkd.report.experiment import LOOKS, VERDICT_MARKS
from mtbkd.report.findings import findings
from mtbkd.report.glossary import METRICS, TERMS, explained
from mtbkd.report.headline import cards
from mtbkd.report.numbers import UNKNOWN
from mtbkd.report.versus import BETTER, COMPATIBLE, NOISY, WORSE, Versus
from mtbkd.report.wording import called, in_words
from tests.report.sentences import dense
from tests.report.test_findings import case
from tests.report.test_one_verdict import random_case


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


@pytest.mark.parametrize(
    ("sentence", "words", "below"),
    [
        ("For 3 of 4 (by 0.1); b fails (rhat (2 of 8)).", "For 3 of 4; b fails.", "4: by 0.1; fails: rhat (2 of 8)"),
        ("It reaches 0.1 of 0.2. Others: 3; more: 4; most: 5.", "It reaches 0.1 of 0.2. Others: 3; more: 4.", "most: 5"),
        ("The gain: 0.1, 0.2 and 0.3 nats.", "The gain:", "0.1, 0.2 and 0.3 nats"),
        ("From 0.1 to 0.2 by tip_r2, on sim1 and BKD-2.", "From 0.1 to 0.2 by tip_r2, on sim1 and BKD-2.", ""),
    ],
)  # fmt: skip
def test_a_sentence_has_two_numbers_and_the_others_stand_below(sentence: str, words: str, below: str) -> None:
    assert in_words(sentence) == (words, below)


def test_no_generated_sentence_has_more_than_two_numbers() -> None:
    cases = [case(), case(replicates=2), *(random_case(seed, shared) for seed in range(3) for shared in (False, True))]
    printed = [Versus("tip_entropy_map", "accuracy", "all", Number("acc_overall", "a", 0.7, 0.005), UNKNOWN, v, "")
               for v in (BETTER, WORSE, COMPATIBLE, NOISY)]  # fmt: skip
    cases += [case(versus=tuple(printed))]
    told = [found.answer for each in cases for found in findings(each)]
    told += [answer for each in cases for _, answers in sentences([each.evidence]) for answer in answers]
    titles = {method: method for each in cases for method in each.evidence.methods}
    titles |= {method: method for each in cases for method in each.evidence.students}
    verdicts = [card for each in cases for card in cards([each.evidence], {"sim": each.versus}, titles)]
    shown = [line for card in verdicts for line in (card.answer, card.number, card.place)]
    assert len(told) > 100 and len(shown) > 20
    assert dense(told + shown) == []


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
