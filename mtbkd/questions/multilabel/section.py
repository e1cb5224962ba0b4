"""What the report says of students with several labels an example."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.verdict import beyond
from mtbkd.inference.tuning import SHARED_NAMES
from mtbkd.questions.multilabel import section_fits, section_scores
from mtbkd.questions.multilabel.section_scores import overall, place, side
from mtbkd.questions.multilabel.tables import ALL, BEST, MEAN, TEST
from mtbkd.report import grids
from mtbkd.report.numbers import listed, show, show_interval
from mtbkd.report.questions import Section

TITLE = "Several labels per protein"
EXPLAINED = """\
A protein may be in several locations. The student therefore gives every location its own probability, and each teacher is a
prior on each of them (a Beta distribution, the two-class case of the teacher-informed prior). Every teacher knows one kingdom.
Does distillation beat labels alone on test proteins, and on out-of-distribution data? A location counts as predicted above the
threshold with the largest Matthews correlation (MCC: 1 perfect, 0 guessing) on validation proteins, for students and teachers
alike. Means over locations exclude locations without a protein in the split. Intervals over replicates cover the student's
seeds (and which labels it sees, if some are hidden); intervals over resampled proteins cover other proteins of the same kind.
"""


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """Sentences; scores on test and outside data and differences; single locations, domains, weights and fits folded away."""
    scores, differences = tables["scores"], tables["differences"]
    splits = list(dict.fromkeys(scores["split"]))
    told = [_data(tables["labels"]), *(_answer(tables, split) for split in splits), _calibrated(scores)]
    told += [
        _switched_off(tables["tuning"]),
        *_ends(tables["tuning"]),
        _lost(tables, "none"),
        _pools(tables),
        _lost(tables, "kd"),
    ]
    told += [_experts(tables["experts"]), _gates(tables["gates"]), _published()]
    shown = [
        *(section_scores.scores(name, scores, split) for split in splits),
        section_scores.differences(name, differences, splits),
    ]
    details = section_scores.details(name, tables, splits) + section_fits.tables(name, tables)
    return Section([sentence for sentence in told if sentence], shown, [table for table in details if table.rows])


def _data(labels: Frame) -> str:
    whole = labels[labels["domain"] == ALL].drop_duplicates("split").set_index("split")
    train, test, val = whole.loc["train"], whole.loc[TEST], whole.loc["val"]
    known = "all" if train["labelled"] == train["n"] else f"{train['labelled']:,}, redrawn for every replicate"
    outside = [f"{row['n']:,} of {split.removeprefix('ood:')}" for split, row in whole.iterrows() if "ood" in str(split)]
    return (
        f"{train['n']:,} training proteins, with known locations for the student: {known}; {test['n']:,} test proteins"
        f"{' and ' + listed(outside) if outside else ''}. The locations of {val['n']:,} validation proteins are used to tune "
        "settings and thresholds. The teachers saw the locations of all training proteins of their kingdom."
    )


def _answer(tables: Mapping[str, Frame], split: str) -> str:
    rows = overall(tables["scores"], split)
    rows = rows[rows["metric"] == "macro_mcc"]
    means = rows.groupby(["kind", "method"], sort=False)["value"].mean()
    if "student" not in means:
        return f"No student has a score on {place(split)}."
    students, teachers = means["student"].sort_values(ascending=False), means["teacher"]
    gaps = _against(tables, split, "none")
    gaps = gaps[gaps["metric"] == "macro_mcc"].set_index("method")
    sides = {str(m): side(gaps.loc[m]) for m in students.index if m in gaps.index}
    better, worse = ([m for m, value in sides.items() if value == sign] for sign in (1, -1))
    best = str(students.index[0])
    told = f"On {place(split)}, {best} has the largest MCC, {show(students.iloc[0])}"
    if best in gaps.index:
        gap = gaps.loc[best]
        told += (
            f", {show(gap['difference'], True)} against {gap['reference']} "
            f"{show_interval(gap['low_examples'], gap['high_examples'], True)} over resampled proteins"
        )
    told += f"; the teachers' mean has {show(teachers[MEAN])}, the best teacher {show(teachers[BEST])}. {_nll(tables, split)} "
    if better or worse:
        found = ((better, "above"), (worse, "below"))
        parts = [f"{listed(methods)} {'lies' if len(methods) == 1 else 'lie'} {where}" for methods, where in found if methods]
        return f"{told}Against labels alone, {', and '.join(parts)} beyond both intervals (proteins, replicates)."
    return f"{told}No distilled student differs from labels alone beyond both intervals (proteins, replicates)."


def _nll(tables: Mapping[str, Frame], split: str) -> str:
    rows = overall(tables["scores"], split)
    rows = rows[rows["metric"] == "nll"]
    means = rows[rows["kind"] == "student"].groupby("method", sort=False)["value"].mean().sort_values()
    alone = means[means.index.isin(set(rows[rows["signal"] == "none"]["method"]))]
    labels = f", labels alone {show(alone.iloc[0])}" if len(alone) and alone.index[0] != means.index[0] else ""
    return f"{means.index[0]} has the smallest NLL, {show(means.iloc[0])}{labels}."


def _ends(tuning: Frame) -> list[str]:
    """Where validation chose the end of a grid; the lowest strength is told by ``_switched_off``."""
    rows = tuning.assign(
        method=[" ".join(filter(None, pair)) for pair in zip(tuning["signal"], tuning["weights"], strict=True)]
    )
    told = grids.at_ends(rows, [c for c in SHARED_NAMES if c in rows])
    return [grids.advice(*key, found) for key, found in told.items() if key[:2] != (_strength(rows), "lowest")]


def _strength(tuning: Frame) -> str:
    return "kappa" if "kappa" in tuning else "lambda"


def _switched_off(tuning: Frame) -> str:
    """Where validation wants less of the teachers than the grid offers."""
    read = tuning[tuning["signal"] != "none"]
    strength = _strength(tuning)
    chosen, least = read[read["chosen"]], read[strength].min()
    at_edge = chosen[chosen[strength] == least]
    if not len(at_edge) or read[strength].nunique() == 1:
        return ""
    named = (
        "every signal with teachers"
        if len(at_edge) == len(chosen)
        else f"{len(at_edge)} of {len(chosen)} signals with teachers"
    )
    return (
        f"Validation chose the smallest {strength} of the grid, {show(least)}, for {named}: with these labels the teachers "
        "are nearly switched off."
    )


def _against(tables: Mapping[str, Frame], split: str, signal: str) -> Frame:
    """Differences over all examples and locations of a split to references of a signal."""
    scores, rows = tables["scores"], overall(tables["differences"], split)
    return rows[rows["reference"].isin(set(scores[scores["signal"] == signal]["method"]))]


def _pools(tables: Mapping[str, Frame]) -> str:
    """The mixture of priors against the weighted mean of the teachers, all else equal."""
    parts = []
    for method, own in _against(tables, TEST, "kd").groupby("method", sort=False):
        gap = own.set_index("metric")
        mcc, nll = gap.loc["macro_mcc"], gap.loc["nll"]
        parts.append(
            f"{method} minus {mcc['reference']}: MCC {show(mcc['difference'], True)} "
            f"{show_interval(mcc['low_examples'], mcc['high_examples'], True)} over resampled proteins, NLL "
            f"{show(nll['difference'], True)} {show_interval(nll['low'], nll['high'], True)} over replicates"
        )
    return (
        f"The mixture of the teachers' priors compared with their weighted mean, on test proteins: {'; '.join(parts)}."
        if parts
        else ""
    )


def _lost(tables: Mapping[str, Frame], signal: str) -> str:
    """Locations of the test split on which students fall below those of a signal, all else equal."""
    scores, rows = tables["scores"], tables["differences"]
    beside = set(scores[scores["signal"] == signal]["method"])
    own = rows[(rows["split"] == TEST) & (rows["location"] != ALL) & (rows["metric"] == "mcc") & rows["reference"].isin(beside)]
    lower = [beyond(ends) == "lower" for ends in zip(own["low"], own["high"], strict=True)]
    lost = own[np.array(lower, dtype=bool)]
    parts = [
        f"{location} ({listed([f'{row["method"]} {show(row["difference"], True)}' for row in found.to_dict('records')])})"
        for location, found in lost.groupby("location", sort=False)
    ]
    if not parts:
        return ""
    words = {"none": "a student with teachers has a smaller MCC than labels alone", "kd": "tip has a smaller MCC than kd"}
    return f"Single locations where {words[signal]}, beyond the interval over replicates: {listed(parts)}."


def _calibrated(scores: Frame) -> str:
    rows = overall(scores, TEST)
    ece = rows[(rows["metric"] == "ece") & (rows["kind"] == "student")].groupby("method")["value"].mean().sort_values()
    if len(ece) < 2:
        return ""
    low, high = (f"{show(ece.iloc[at])} ({ece.index[at]})" for at in (0, -1))
    return f"The students' calibration error on test proteins runs from {low} to {high}."


def _experts(experts: Frame) -> str:
    own = experts[(experts["split"] == TEST) & (experts["domain"] == experts["teacher"])]
    told = [
        f"{row['domain']} {100 * row['top_share']:.0f} %"
        for row in own[own["chosen_by"] == own["chosen_by"].iloc[0]].to_dict("records")
    ] if len(own) else []  # fmt: skip
    if not told:
        return ""
    chance = 100 / experts["teacher"].nunique()
    return (
        f"Do {own['chosen_by'].iloc[0]} find the expert? The teacher of the protein's own kingdom has the largest weight for "
        f"{listed(told)} of the pairs of test protein and location; guessing would give {chance:.0f} %."
    )


def _gates(gates: Frame) -> str:
    failed = gates[gates["verdict"].isin([False])]
    methods, unjudged = sorted(set(failed["method"])), sorted(set(gates[~gates["judged"]]["method"]) - set(failed["method"]))
    lacking = f" Not judged, as a statistic is missing: {listed(unjudged)}." if unjudged else ""
    if not methods:
        return f"No method failed a gate.{lacking}" if unjudged else "Every method passed the gates that apply to it."
    return (
        f"Failed gates: {listed(methods)} ({listed(sorted(set(failed['gate'])))}). Take the scores of such chains as those "
        f"of an ensemble of students, not of the posterior.{lacking}"
    )


def _published() -> str:
    return "Published scores of DeepLoc 2.0 are not compared: its models read language models of proteins and all of its data."
