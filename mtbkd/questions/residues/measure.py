"""Bits per residue of every pool and every student, and their mass on the designated residues: one replicate.

Shapes: n positions, G teachers, A residues, D kingdoms, U units.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mtbkd.questions.residues.corpus import Chain, Sequences, draw_sequences
from mtbkd.questions.residues.limits import designated, excess, hold_below
from mtbkd.questions.residues.models import Fitting, Models, fit_students, fit_teachers
from mtbkd.questions.residues.positions import Positions, composition, positions
from mtbkd.questions.residues.spec import KINGDOMS, Settings
from mtbkd.questions.residues.weighting import POOLS, WEIGHTINGS, Knowledge, own_probability, pool_by

ALONE, SAME, SHIFTED = "no teachers", "training mix", "shifted mix"
HELD = "linear, held below the safest"
Row = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """Rows of the tables ``bits``, ``weights``, ``safety`` and ``tuning``."""

    bits: list[Row]
    weights: list[Row]
    safety: list[Row]
    tuning: list[Row]


def measure(
    settings: Settings, posterior: Mapping[str, Sequence[float]], fitting: Fitting, chains: Sequence[Chain] = ()
) -> Found:
    """Draw sequences, train teachers and students, and measure all of them on the test sequences."""
    sequences = draw_sequences(settings, fitting.seed, fitting.replicate, chains)
    train, val, test = (positions(sequences[role], settings.window) for role in ("student", "val", "test"))
    own = [positions(_of_kingdom(sequences["teacher"], g), settings.window) for g in range(len(KINGDOMS))]
    teachers = fit_teachers(own, settings.teacher_hidden, fitting)
    known = {role: _knowledge(settings, where, val, own, teachers) for role, where in (("train", train), ("test", test))}
    inside = designated(settings.residue_set)
    pools = pooled(known["test"], inside)
    found = Found(*_pool_rows(settings, pools, known["test"], inside), tuning=[])
    found.bits.extend(_teacher_rows(settings, known["test"]))
    _students(settings, posterior, fitting, (train, val), known, found, inside)
    for row in itertools.chain(found.bits, found.weights, found.safety, found.tuning):
        row["replicate"] = fitting.replicate
    return found


def _of_kingdom(sequences: Sequences, which: int) -> Sequences:
    own = sequences.kingdom == which
    return replace(sequences, codes=sequences.codes[own], kingdom=sequences.kingdom[own])


def _knowledge(settings: Settings, where: Positions, val: Positions, own: Sequence[Positions], teachers: Models) -> Knowledge:
    score = np.log(own_probability(teachers.predict(val.x), val.y))
    by_kingdom = np.stack([score[val.kingdom == d].mean(0) for d in range(len(KINGDOMS))])
    learnt = np.stack([composition(each) for each in own])
    return Knowledge(where, teachers.predict(where.x), by_kingdom, learnt, settings.task_residues, settings.context_residues)


def pooled(known: Knowledge, inside: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """(weighting, pool) -> probabilities (n, A); besides, equal weights with the linear pool held below the safest teacher."""
    found = {}
    for weighting, weigh in WEIGHTINGS.items():
        weights = weigh(known)
        found |= {(weighting, name): pool_by(operator, known.prob, weights) for name, operator in POOLS.items()}
    found["equal", HELD] = hold_below(found["equal", "linear"], _safest(known.prob, inside), inside)
    return found


def _safest(prob: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The smallest of the teachers' masses (n,) on the set."""
    return prob[..., inside].sum(-1).min(-1)


def by_domain(settings: Settings, prob: np.ndarray, where: Positions) -> list[Row]:
    """Bits per residue of ``prob`` (n, A) in each kingdom, and in the two mixes of kingdoms."""
    bits = -np.log2(own_probability(prob, where.y))
    kingdoms = [float(bits[where.kingdom == d].mean()) for d in range(len(KINGDOMS))]
    mixes = {SAME: settings.train_mix, SHIFTED: settings.test_mix}
    rows = [{"domain": name, "bits": value} for name, value in zip(KINGDOMS, kingdoms, strict=True)]
    return rows + [{"domain": name, "bits": float(np.dot(mix, kingdoms))} for name, mix in mixes.items()]


def _pool_rows(
    settings: Settings, pools: Mapping[tuple[str, str], np.ndarray], known: Knowledge, inside: np.ndarray
) -> tuple[list[Row], list[Row], list[Row]]:
    bits, shares, safety = [], [], []
    for (weighting, pool), prob in pools.items():
        name = {"kind": "pool", "weighting": weighting, "pool": pool}
        bits += [{**name, **row} for row in by_domain(settings, prob, known.where)]
        safety.append({**name, **_safety(prob, known, inside)})
    for weighting, weigh in WEIGHTINGS.items():
        weights = weigh(known)
        for d, g in itertools.product(range(len(KINGDOMS)), repeat=2):
            mean = float(weights[known.where.kingdom == d, g].mean())
            shares.append({"weighting": weighting, "kingdom": KINGDOMS[d], "teacher": KINGDOMS[g], "weight": mean})
    return bits, shares, safety


def _safety(prob: np.ndarray, known: Knowledge, inside: np.ndarray) -> Row:
    """What ``prob`` (n, A) puts on the set, and what staying below the safest teacher costs it, in bits per residue."""
    held = hold_below(prob, _safest(known.prob, inside), inside)
    y = known.where.y
    price = np.log2(own_probability(prob, y)) - np.log2(own_probability(held, y))
    found = excess(prob, known.prob, inside)
    return {**found._asdict(), "positions": len(y), "mass": float(prob[:, inside].sum(-1).mean()),
            "observed": float(inside[y].mean()), "price_bits": float(price.mean())}  # fmt: skip


def _teacher_rows(settings: Settings, known: Knowledge) -> list[Row]:
    """Each teacher alone, and the truth where it is known."""
    said = {name: known.prob[:, g] for g, name in enumerate(KINGDOMS)}
    if known.where.truth is not None:
        said["truth"] = known.where.truth
    return [
        {"kind": "truth" if name == "truth" else "teacher", "weighting": name, "pool": "", **row}
        for name, prob in said.items()
        for row in by_domain(settings, prob, known.where)
    ]


def _students(
    settings: Settings, posterior: Mapping[str, Sequence[float]], fitting: Fitting, data: tuple[Positions, Positions],
    known: Mapping[str, Knowledge], found: Found, inside: np.ndarray,
) -> None:  # fmt: skip
    """Fit a student to every pool and one without teachers; append its rows. Validation in the training mix chooses."""
    train, val = data
    targets: dict[tuple[str, str], np.ndarray | None] = {**pooled(known["train"], inside)}
    strengths = posterior.get("kappa", posterior["lambda"])
    grid = [{"lambda": lam, "prior_scale": s} for lam in strengths for s in posterior["prior_scale"]]
    alone = [{"lambda": 0.0, "prior_scale": s} for s in posterior["prior_scale"]]
    groups = [(targets, grid), ({("", ALONE): None}, alone)]
    test = known["test"].where
    for own, candidates in groups:
        models = fit_students(train, list(own.values()), settings.student_hidden, candidates, fitting)
        mix = np.array(settings.train_mix)
        loss = _mixed_bits(models.predict(val.x), val, mix).reshape(len(own), len(candidates))
        chosen = np.nan_to_num(loss, nan=np.inf).argmin(1)
        units = [index * len(candidates) + int(best) for index, best in enumerate(chosen)]
        prob = Models(models.network, models.params[units]).predict(test.x)
        for index, (weighting, pool) in enumerate(own):
            name = {"kind": "student", "weighting": weighting, "pool": pool}
            found.bits.extend({**name, **row} for row in by_domain(settings, prob[:, index], test))
            found.safety.append({**name, **_safety(prob[:, index], known["test"], inside)})
            found.tuning.append({**name, **candidates[int(chosen[index])], "val_bits": float(loss[index].min())})


def _mixed_bits(prob: np.ndarray, where: Positions, mix: np.ndarray) -> np.ndarray:
    """Bits per residue (U,) of ``prob`` (n, U, A), kingdoms weighted by ``mix`` (D,)."""
    bits = -np.log2(own_probability(prob, where.y))
    return mix @ np.stack([bits[where.kingdom == d].mean(0) for d in range(len(mix))])
