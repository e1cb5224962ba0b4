"""Rows about prediction sets of one replicate: credible sets and conformal ones, see ``mtbkd.evaluation.conformal``.

Conformal sets are calibrated on the validation examples (``split``) and, where a method has ``conformal_folds``, on its
labelled training examples (``cross``). Where calibrating labels had a part in the fit before, sets promise their coverage only
approximately: validation labels that chose settings, a temperature, the scaling of teachers or their weights; labels that
teachers learnt from. Students of folds are tuned anew on the validation labels, which are no calibrating ones: their promise is
untouched.
Shapes: M evaluated examples, V held-out examples, K classes, F folds.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtbkd.contracts.draws import Draws
from mtbkd.contracts.held_out import HeldOut
from mtbkd.evaluation.conformal import (
    KINDS,
    credible_sets,
    exact_interval,
    expected_band,
    guaranteed,
    label_scores,
    prediction_sets,
)
from mtbkd.evaluation.metrics import mean_score
from mtbkd.evaluation.scoring import ALL, Examples, Scored
from mtbkd.inference.student_scaling import ATTRIBUTE
from mtbkd.pooling import unseen
from mtbkd.pooling.context import needs

CREDIBLE, SPLIT, CROSS = "credible", "split", "cross"
FORMS = {SPLIT: "validation", CROSS: "folds"}  # form -> field of draws
LABELS = {SPLIT: "val", CROSS: "train"}  # form -> split of the calibrating labels


class _Sets(NamedTuple):
    """Sets (M, K) at one level; ``held``: how many labels calibrate them."""

    kind: str
    form: str
    level: float
    inside: np.ndarray
    held: int
    folds: int


def set_rows(scored: Scored, whole: Examples, draws: Draws, index: int, levels: Sequence[float]) -> list[dict[str, Any]]:
    """One row per kind and form of sets, level, split and domain with labels.

    Columns: ``kind`` (credible, threshold, aps, raps), ``form`` (credible, split, cross), ``level``, ``coverage`` with its
    exact interval ``coverage_low`` and ``coverage_high`` over the examples, ``size`` (mean number of classes) with its standard
    error ``size_se``, ``one`` (share of sets of one class), ``n`` examples, ``held_out`` labels (0 for credible sets),
    ``tuned`` (the calibrating labels had a part in the fit, too), ``guaranteed`` (the coverage that is proved, on the whole
    test split), ``expected_low`` and ``expected_high`` (where that of split sets lies with probability .95, on the whole test
    split), ``scaled_by`` (the temperature of the student).

    Args:
        scored: the evaluated examples.
        whole: all examples of the replicate.
        draws, index: of the method, and the replicate's position.
        levels: of the sets.
    """
    rows, examples = [], scored.examples
    replicate = int(draws.replicates[index])
    scaled_by = draws.attrs.get(ATTRIBUTE)
    used = _used(draws, sum(row["replicate"] == replicate for row in draws.tuning))
    groups = [(*place, mask & (examples.y >= 0)) for *place, mask in examples.groups]
    for each in _all_sets(scored.mean, whole, draws, index, levels):
        hit = each.inside[np.arange(len(examples.y)), examples.y]
        common = {
            "kind": each.kind, "form": each.form, "level": each.level, "held_out": each.held,
            "tuned": LABELS.get(each.form) in used, "scaled_by": None if scaled_by is None else scaled_by[index],
        }  # fmt: skip
        for split, domain, mask in groups:
            if mask.any():
                promise = _promise(each, int(mask.sum()), (split, domain) == ("test", ALL) and not common["tuned"])
                rows.append({"split": split, "domain": domain, **common, **_row(each.inside[mask], hit[mask]), **promise})
    return rows


def _used(draws: Draws, candidates: int) -> set[str]:
    """Splits whose labels had a part in the fit beside that of training labels in it, of ``candidates`` to choose from."""
    said = draws.attrs
    by_val = (
        candidates > 1 and said.get("tuned_on", "validation") == "validation",
        said.get("student_scaling", ATTRIBUTE in said),
        said.get("teacher_scaling", "none") != "none",
        said.get("weights") and "validation" in needs(said["weights"]),
        len(said.get("teachers", ())) > 1 and unseen.takes_best(said["signal"], said.get("signal_settings", {})),
    )
    return {*said.get("teachers_learnt_from", ()), *(["val"] if any(by_val) else [])}


def _row(inside: np.ndarray, hit: np.ndarray) -> dict[str, Any]:
    hits, n = int(hit.sum()), len(hit)
    low, high = exact_interval(hits, n)
    sizes = inside.sum(1)
    size = mean_score(sizes.astype(np.float64))
    found = {"coverage": hits / n, "coverage_low": low, "coverage_high": high, "size": size.value, "size_se": size.se}
    return found | {"one": float((sizes == 1).mean()), "n": n}


def _promise(each: _Sets, n: int, applies: bool) -> dict[str, float]:
    """What is proved of the coverage; NaN where nothing is: of credible sets, of domains, of other splits."""
    names = ("guaranteed", "expected_low", "expected_high")
    if not applies or each.form == CREDIBLE:
        return dict.fromkeys(names, np.nan)
    band = expected_band(each.level, each.held, n) if each.form == SPLIT else (np.nan, np.nan)
    return dict(zip(names, (guaranteed(each.level, each.held, each.folds), *band), strict=True))


def _all_sets(mean: np.ndarray, whole: Examples, draws: Draws, index: int, levels: Sequence[float]) -> Iterator[_Sets]:
    for level in levels:
        yield _Sets("credible", CREDIBLE, float(level), credible_sets(mean, level), 0, 0)
    for form, name in FORMS.items():
        held: HeldOut | None = getattr(draws, name)
        if held is None or not np.isfinite(held.prob[index]).all():
            continue
        y = whole.y[held.row]
        known = y >= 0
        if not known.any():
            continue
        prob = mean[None] if held.test_prob is None else held.test_prob[index]
        for kind in KINDS:
            scores = label_scores(held.prob[index][known], y[known], kind)
            for level in levels:
                inside = prediction_sets(prob, scores, level, kind, held.fold[known])
                yield _Sets(kind, form, float(level), inside, int(known.sum()), len(prob))
