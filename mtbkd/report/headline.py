"""The verdict cards at the head of the page: what a reader wants to know first, with a number and a link to its evidence."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from mtbkd.report.answers import judged_against_labels, trust
from mtbkd.report.evidence import Evidence, Pair, signed
from mtbkd.report.numbers import listed
from mtbkd.report.verdict_card import Card
from mtbkd.report.versus import ABOVE_CEILING, BETTER, COMPATIBLE, COUNTED, NOISY, WORSE, Versus


def cards(evidence: Sequence[Evidence], versus: Mapping[str, Sequence[Versus]], titles: Mapping[str, str]) -> list[Card]:
    """The verdicts that a study's experiments allow; ``titles``: method -> title."""
    paired = {each.name: judged_against_labels(each) for each in evidence}
    paired = {name: pairs for name, pairs in paired.items() if pairs}
    found = [_best(paired, titles), _helps(paired), _trusted(evidence), _reproduces(versus)]
    return [card for card in found if card]


def _best(paired: Mapping[str, Sequence[Pair]], titles: Mapping[str, str]) -> Card | None:
    if not paired:
        return None
    where, best = min(((n, p) for n, pairs in paired.items() for p in pairs), key=lambda each: each[1].found.difference)
    better = [(n, p) for n, pairs in paired.items() for p in pairs if p.way == "lower"]
    question = "Which student gains most over labels alone?"
    if not better:
        number = f"{signed(best.found)} nats"
        return Card(question, "None is shown to gain", number, f"best: {titles[best.method]} on {where}", f"experiment-{where}",
                    best.method)  # fmt: skip
    where, best = min(better, key=lambda each: each[1].found.difference)
    place = f"NLL against labels alone on {where}; lower is better"
    return Card(question, titles[best.method], f"{signed(best.found)} nats", place, f"experiment-{where}", best.method)


def _helps(paired: Mapping[str, Sequence[Pair]]) -> Card | None:
    tested = {name: pairs for name, pairs in paired.items() if any(math.isfinite(p.p_holm) for p in pairs)}
    if not tested:
        return None
    pays = [name for name, pairs in tested.items() if any(p.way == "lower" for p in pairs)]
    not_ = [name for name in tested if name not in pays]
    gaining = sum(p.way == "lower" for pairs in tested.values() for p in pairs)
    answer = "Yes" if not not_ else "In some experiments" if pays else "Not shown in any experiment"
    place = "; ".join(
        filter(None, [f"helps on {listed(pays)}" if pays else "", f"not shown on {listed(not_)}" if not_ else ""])
    )
    of = sum(map(len, tested.values()))
    return Card("Does distillation help?", answer, f"{gaining} of {of} students predict better", place, "findings")


def _trusted(evidence: Sequence[Evidence]) -> Card | None:
    found = [trust(each) for each in evidence]
    total, drawn = sum(len(f.methods) for f in found), sum(f.drawn for f in found)
    if not total:
        return None
    fits, sound = sum(f.fits for f in found), sum(f.sound_fits for f in found)
    passed = sum(f.passed for f in found)
    small = sum("(small)" in e.gap_size(m) for e, f in zip(evidence, found, strict=True) for m in f.badly_calibrated)
    good = passed + small
    answer = "Yes" if good == total else "Mostly" if 2 * good > total else "Of some" if good else "None of them"
    number = f"{drawn} of {total} posteriors pass every gate on their draws"
    nearly = f", {small} more nearly" if small else ""
    fitting = f"{passed} {'passes' if passed == 1 else 'pass'} calibration{nearly}" if drawn > passed else ""
    printed, of_these = sum(len(f.as_printed) for f in found), sum(f.as_printed_drawn for f in found)
    apart = f". Repeated as printed: {of_these or 'none'} of {printed} pass" if printed else ""
    place = fitting or f"{sound} of {fits} fits pass"
    return Card("Can the uncertainty be trusted?", answer, number, f"{place}{apart}", "diagnostics")


def _reproduces(versus: Mapping[str, Sequence[Versus]]) -> Card | None:
    told = Counter(v.verdict for found in versus.values() for v in found)
    total = sum(told[verdict] for verdict in COUNTED)
    if not total:
        return None
    same = told[COMPATIBLE]
    few = "Few of them: most of ours are better" if 2 * told[BETTER] > total else "Few of them"
    answer = "Yes" if same == total else "Most of them" if 2 * same > total else few
    words = {BETTER: "ours better", WORSE: "ours worse", NOISY: "too noisy to tell", ABOVE_CEILING: "above what is possible"}
    others = [f"{told[verdict]} {word}" for verdict, word in words.items() if told[verdict]]
    place = ". ".join(filter(None, (listed(others[:2]), listed(others[2:]))))
    where = next(name for name, found in versus.items() if found)
    return Card("Do the printed numbers reproduce?", answer, f"{same} of {total} compatible", place, f"experiment-{where}")
