"""Summary sentences generated from the numbers: which student predicts best, can the posteriors be trusted, do they agree
with an exact sampler, did the teachers help. Pure functions of one experiment's tables; each returns one clause.

A method whose draws failed a gate is not ranked: its numbers are not those of its posterior. A badly calibrated posterior is
ranked, because the score already penalises it. Point estimates have no gates on draws.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtbkd.evaluation.routing import ROUTED
from mtbkd.report.evidence import SCORE, Evidence, Pair, signed
from mtbkd.report.numbers import Estimate, count, estimate, listed, show, show_estimate, show_interval
from mtbkd.report.posteriors import direction

REFERENCES = {"teachers:best": "the best teacher", ROUTED: "teachers routed by domain"}


def claim(pair: Pair, of_how_many: int) -> str:
    """What can be claimed from a paired NLL difference."""
    found = pair.found
    text = f"{show(found.difference, signed=True)} {show_interval(found.low, found.high, signed=True)}".strip()
    replicates = count(found.n, "replicate")
    same = ", over seeds on the same data" if "same data" in found.note else ""
    same += f", and {pair.over_examples} over test examples" if pair.over_examples else ""
    said = f"a {pair.way} NLL" if not pair.why_open else f"{pair.why_open}, so no difference can be claimed"
    adjusted = f"; p = {pair.p_holm:.2g} after Holm's correction for {of_how_many}" if math.isfinite(pair.p_holm) else ""
    return f"{text} over {replicates}{same}: {said}{adjusted if of_how_many > 1 else ''}"


def best_student(evidence: Evidence) -> tuple[str, Estimate] | None:
    """The student of lowest mean NLL among those whose draws failed no gate."""
    rows = evidence.whole(SCORE, "student")
    scores = {method: estimate(rows[rows["method"] == method]) for method in evidence.sound}
    known = {method: score for method, score in scores.items() if score.known}
    return min(known.items(), key=lambda item: item[1].mean) if known else None


def which_is_best(evidence: Evidence) -> str:
    """First clause: the best student and its paired difference from labels only."""
    best = best_student(evidence)
    out = len(evidence.students) - len(evidence.sound)
    aside = f" ({out} more failed a gate on {'its' if out == 1 else 'their'} draws)" if out else ""
    if best is None:
        return "no student can be ranked: all of them failed a gate on their draws"
    method, score = best
    ranked = len(evidence.sound)
    among = f"of the {ranked} ranked students" if ranked > 1 else "the only ranked student"
    name = evidence.called(method)
    text = f"{name} has the lowest NLL, {show_estimate(score)}, {among}{aside}"
    if ranked == 1:
        text = f"{name} is {among}{aside}, with an NLL of {show_estimate(score)}"
    if bad := evidence.why_failed(method):
        text += f" (but it is not calibrated: {bad})"
    if warned := evidence.judgement(method).warnings:
        text += f" (but its optimiser has not converged: {warned})"
    if evidence.judgement(method).unjudged:
        text += f" (its draws could not be judged by {listed([*evidence.judgement(method).unjudged])})"
    if method == evidence.reference:
        return f"{text}; it learns from labels only" if "labels only" in evidence.reference_words else text
    pair = evidence.compared(method)
    if pair is None:
        return text
    compared, other = len(evidence.students) - 1, evidence.unlike(method, evidence.reference)
    yet = f", but the two were not tuned on the same candidates: {other}" if other else ""
    return f"{text}. Its difference from {evidence.reference_words} is {claim(pair, compared)}{yet}"


@dataclass(frozen=True)
class Trust:
    """Methods that claim a posterior, grouped by verdict, and methods with draws that claim none.

    Attributes:
        methods: all that claim a posterior.
        failed: the draws failed a gate.
        unjudged: the draws failed no gate, but a gate could not be judged.
        badly_calibrated: the draws passed every gate, but the model does not fit the labels.
        stacked: the draws passed every gate within chains, which are stacked instead of pooled.
        unclaimed: draws that claim no posterior.
        as_printed: claim a posterior and repeat a paper's procedure; in none of the groups above.
        as_printed_drawn: number of these whose draws passed every gate.
        fits, sound_fits: replicates of all methods, and those among them whose draws pass every gate.
    """

    methods: list[str]
    failed: list[str]
    unjudged: list[str]
    badly_calibrated: list[str]
    stacked: list[str]
    unclaimed: list[str]
    as_printed: list[str]
    as_printed_drawn: int
    fits: int
    sound_fits: int

    @property
    def drawn(self) -> int:
        """Number of methods whose draws passed every gate."""
        return len(self.methods) - len(self.failed) - len(self.unjudged)

    @property
    def passed(self) -> int:
        """Number of these that also pass calibration."""
        return self.drawn - len(self.badly_calibrated)


def trust(evidence: Evidence) -> Trust:
    """Which methods sample the posterior they claim to, and which of these fit the labels."""
    claiming = [method for method in evidence.students if evidence.posterior.get(method)]
    methods = [m for m in claiming if m not in evidence.as_printed]
    printed = [m for m in claiming if m in evidence.as_printed]
    drawn = sum(not evidence.judgement(m).failed_of_draws and not evidence.judgement(m).unjudged for m in printed)
    failed = [m for m in methods if evidence.judgement(m).failed_of_draws]
    unjudged = [m for m in methods if m not in failed and evidence.judgement(m).unjudged]
    passed = [m for m in methods if m not in failed and m not in unjudged]
    uncalibrated = [m for m in passed if evidence.judgement(m).failed]
    stacked = [m for m in passed if m in evidence.stacked]
    unclaimed = [m for m in evidence.students if m in evidence.unclaimed]
    fits, sound = (sum(getattr(evidence.judgement(m), name) for m in methods) for name in ("replicates", "sound"))
    return Trust(methods, failed, unjudged, uncalibrated, stacked, unclaimed, printed, drawn, fits, sound)


def can_posteriors_be_trusted(evidence: Evidence) -> str:
    """Second clause: methods that pass every gate, gates that the others fail or lack, methods that claim no posterior."""
    found = trust(evidence)
    apart = f"{listed(found.unclaimed)} {'claims' if len(found.unclaimed) == 1 else 'claim'} no posterior"
    if not found.methods and not found.as_printed:
        return apart if found.unclaimed else "no method computes a posterior; all are point estimates"
    passed = [evidence.called(m) for m in found.methods if evidence.judgement(m).status == "passed"]
    parts = [f"{listed(passed)} {'passes' if len(passed) == 1 else 'pass'} every gate"] if passed else []
    for methods, gates in _alike({evidence.called(m): evidence.why_failed(m) for m in found.badly_calibrated}):
        parts.append(f"the draws of {listed(methods)} pass, but their intervals are not calibrated ({gates})")
    for methods, gates in _alike({evidence.called(m): listed([*evidence.judgement(m).failed_of_draws]) for m in found.failed}):
        parts.append(f"the draws of {listed(methods)} fail {gates}")
    for methods, gates in _alike({evidence.called(m): listed([*evidence.judgement(m).unjudged]) for m in found.unjudged}):
        parts.append(f"the draws of {listed(methods)} could not be judged by {gates}")
    for methods, gates in _alike({evidence.called(m): evidence.judgement(m).words for m in found.as_printed}):
        parts.append(f"{listed(methods)} {'repeats' if len(methods) == 1 else 'repeat'} a paper's procedure ({gates})")
    parts += [apart] if found.unclaimed else []
    return "; ".join(parts)


def _alike(words: Mapping[str, str]) -> list[tuple[list[str], str]]:
    """Methods grouped by identical text."""
    return [([m for m, said in words.items() if said == each], each) for each in dict.fromkeys(words.values())]


def do_they_agree(evidence: Evidence) -> str:
    """How many fits agree with an exact sampler of the same posterior; "" if no method is one."""
    rows = evidence.agreement
    if rows is None or not len(rows):
        return ""
    lost = rows[rows["verdict"] == "no reference"]
    why = f" ({listed(list(dict.fromkeys(lost['note'])))})" if len(lost) else ""
    held = rows[rows["verdict"].isin(["agrees", "differs"])]
    if not len(held):
        return f"no reference is available{why}"
    differs = held[held["verdict"] == "differs"]
    agreeing = len(held) - len(differs)
    methods = list(dict.fromkeys(differs["method"]))
    parts = [f"{agreeing} of {count(len(held), 'fit')} agree with {listed(sorted(set(held['reference'])))}"]
    for method in methods:
        how = direction(differs[differs["method"] == method])
        parts.append(f"{method} differs: {how}" if how else f"{method} differs")
    parts += [f"{count(len(lost), 'fit')} {'has' if len(lost) == 1 else 'have'} no reference{why}"] if len(lost) else []
    return "; ".join(parts)


def did_teachers_help(evidence: Evidence) -> str:
    """Third clause: distilled students compared with labels only (NLL) and with the best teacher (accuracy)."""
    methods = [method for method in evidence.distilled if method in evidence.sound]
    out = len(evidence.distilled) - len(methods)
    whose, verb = ("its", "is") if out == 1 else ("their", "are")
    aside = f" ({out} more failed a gate on {whose} draws and {verb} not counted)" if out else ""
    if not methods:
        return f"no distilled student can be counted{aside}"
    parts = [p for p in (_against_labels(evidence, methods), _against_teacher(evidence, methods)) if p]
    return f"{'. By accuracy, '.join(parts)}{aside}"


def _against_labels(evidence: Evidence, methods: Sequence[str]) -> str:
    found = [pair for pair in map(evidence.compared, methods) if pair is not None]
    if not found or "labels only" not in evidence.reference_words:
        return ""
    unfair = [pair.method for pair in found if evidence.unlike(pair.method, pair.against)]
    told = [pair.way for pair in found if pair.method not in unfair]
    lower, higher, open_ = told.count("lower"), told.count("higher"), told.count("open")
    apart = f" (not counted because tuned on other candidates: {listed(unfair)})" if unfair else ""
    return (
        f"{lower} of {count(len(told), 'distilled student')} {'has' if lower == 1 else 'have'} a lower NLL than labels only. "
        f"Higher: {higher or 'none'}; inconclusive: {open_ or 'none'}{apart}"
    )


def _against_teacher(evidence: Evidence, methods: Sequence[str]) -> str:
    found = [each for reference, word in REFERENCES.items() if (each := _above(evidence, methods, reference, word))]
    return f"{found[0]}; {listed(found[1:])}" if len(found) > 1 else "".join(found)


def _above(evidence: Evidence, methods: Sequence[str], reference: str, word: str) -> str:
    """P-values are corrected over all distilled students, as in the findings."""
    teacher = evidence.scores("accuracy").get(reference)
    if teacher is None:
        return ""
    found = evidence.pairs([(method, reference) for method in evidence.distilled], "accuracy")
    above = [pair.method for pair in found if pair.verdict == "better" and pair.method in methods]
    known = listed(above) if 0 < len(above) <= 3 else f"{len(above)} of {len(methods)}" if above else "none"
    verb = "are" if len(above) > 1 else "is"
    return f"{known} {verb} more accurate than {word} ({show(float(teacher.mean()))})"


def when_it_pays(evidence: Sequence[Evidence]) -> list[str]:
    """One sentence: the experiments where a distilled student predicts better than labels only, and those where none does."""
    pays, not_ = [], []
    for each in evidence:
        pairs = judged_against_labels(each)
        if not pairs:
            continue
        better = [pair for pair in pairs if pair.way == "lower"]
        best = min(better or pairs, key=lambda pair: pair.found.difference)
        number = f"{each.called(best.method)}, NLL {signed(best.found)}"
        if better:
            pays.append(f"on {each.name} ({len(better)} of {count(len(pairs), 'distilled student')}; largest gain: {number})")
        elif any(math.isfinite(pair.p_holm) for pair in pairs):
            worse = sum(pair.way == "higher" for pair in pairs)
            harmed = f", {worse} predict{'s' if worse == 1 else ''} worse" if worse else ""
            not_.append(f"on {each.name} (none of {count(len(pairs), 'distilled student')}{harmed}; best: {number})")
    parts = [f"Distilled students predict better than labels only {listed(pays)}"] if pays else []
    none = "but not" if pays else "Distilled students do not predict better than labels only"
    parts += [f"{none} {listed(not_)}"] if not_ else []
    text = ", ".join(parts)
    return [f"{text}."] if text else []


def judged_against_labels(evidence: Evidence) -> list[Pair]:
    """Ranked distilled students paired with labels only, tuned on the same candidates; [] if that is not the reference."""
    if "labels only" not in evidence.reference_words:
        return []
    pairs = [evidence.compared(method) for method in evidence.distilled if method in evidence.sound]
    return [pair for pair in pairs if pair is not None and not evidence.unlike(pair.method, pair.against)]


def sentences(evidence: Sequence[Evidence], on_inference: bool = False) -> list[tuple[str, list[str]]]:
    """Questions with their answers, one per experiment; in a study ``on_inference``, those about inference come first."""

    def told(clauses: Mapping[str, str]) -> list[str]:
        return [f"On {name}, {clause}." for name, clause in clauses.items()]

    agreement = {e.name: clause for e in evidence if (clause := do_they_agree(e))}
    pays = ("When do teachers help?", when_it_pays(evidence))
    predicts = ("Which student predicts best?", told({e.name: which_is_best(e) for e in evidence}))
    trusted = _overall(evidence) + told({e.name: can_posteriors_be_trusted(e) for e in evidence})
    inference = [("Can the posteriors be trusted?", trusted), ("Do they agree with an exact sampler?", told(agreement))]
    helped = ("Did the teachers help?", told({e.name: did_teachers_help(e) for e in evidence}))
    asked = [pays, predicts, *inference, helped]
    if on_inference:
        asked = [*reversed(inference), pays, predicts, helped]
    return [(question, answers) for question, answers in asked if answers]


def _overall(evidence: Sequence[Evidence]) -> list[str]:
    """How many posteriors pass, over all experiments; methods that claim no posterior are counted separately."""
    found = [trust(each) for each in evidence]
    total, drawn, passed = sum(len(f.methods) for f in found), sum(f.drawn for f in found), sum(f.passed for f in found)
    unjudged, apart = sum(len(f.unjudged) for f in found), sum(len(f.unclaimed) for f in found)
    if not total:
        return []
    fits, sound = sum(f.fits for f in found), sum(f.sound_fits for f in found)
    text = f"The draws of {drawn} of {count(total, 'posterior')} pass every gate in all replicates ({sound} of {fits} fits)"
    stacked = [f"{e.name}: {method}" for e, f in zip(evidence, found, strict=True) for method in f.stacked]
    if stacked:
        text += f", {len(stacked)} of them within chains, which are stacked instead of pooled ({listed(stacked)})"
    text += f". {passed} of them {'is' if passed == 1 else 'are'} also calibrated." if drawn else "."
    text += f" {unjudged} could not be judged by every applicable gate." if unjudged else ""
    printed, sound = sum(len(f.as_printed) for f in found), sum(f.as_printed_drawn for f in found)
    others = [f"{count(printed, 'posterior')} by procedures repeated as papers print them, of which {sound or 'none'} "
              f"{'passes' if sound < 2 else 'pass'}"] if printed else []  # fmt: skip
    others += [f"{count(apart, 'method')} with draws that claim no posterior (dropout, ensembles)"] if apart else []
    return [f"{text} Counted separately: {listed(others)}." if others else text]
