"""Pools of teachers without a student: every operator, weighting and temperature, judged at home and on foreign data.

Everything learnt from labels (scaling of teachers and pools, weights) is cross-fitted, so that each example is judged once, by
numbers from other examples, and all pools on the same examples. Shapes: N labelled examples, M foreign ones, G teachers, K
classes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import pd, torch
from mtbkd.base.seeds import derive
from mtbkd.evaluation.compare import holm
from mtbkd.evaluation.deviance import entropy
from mtbkd.evaluation.verdict import judge, verdict
from mtbkd.evaluation.votes import read_votes
from mtbkd.pooling.chosen import DEFAULT, Chosen, Weightings, settings_of
from mtbkd.pooling.temperature import inverse_temperature
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.pools.folding import Case, Opinions, applying, case_of, opinions
from mtbkd.questions.pools.looks import HIGHER_IS_BETTER, Look, foreign_looks, label_looks
from mtbkd.questions.pools.rules import EACH, HOME, NONE, PLAIN, POOL, SCALINGS, TEACHER, VECTOR, Rule
from mtbkd.questions.votes.question import voted
from mtbkd.questions.weightings.question import OWN as WEIGHTS
from mtbkd.questions.weightings.question import replicates

NEEDS = frozenset({"dataset", "teachers"})
TABLES = ("scores", "differences", "teachers")
USED = (WEIGHTS,)  # so that the job depends on their sources
Looks = dict[tuple[str, str], Look]  # (data, metric) -> look
ROWS = 2_000  # pooled at a time: they stay in the cache


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    operators: dict[str, Chosen] = Field(DEFAULT, min_length=1, description="operators with their settings, by displayed name")
    weights: Weightings = Field(
        (), description="modules of mtbkd/pooling; default: all that need no label of the example itself"
    )
    folds: int = Field(5, ge=2, le=50, description="number of folds; what needs labels learns from all others")
    votes: str | None = Field(None, min_length=1, description="raw file of human votes, images x classes")
    ids: str = Field(
        r"cifar10-test-(\d+)", description="regular expression for an example's id; its group is the image's row in `votes`"
    )

    @field_validator("operators")
    @classmethod
    def _plain(cls, operators: dict[str, Chosen]) -> dict[str, Chosen]:
        if PLAIN.operator not in operators or operators[PLAIN.operator].operator != "linear":
            raise ValueError("allowed: the operator linear among others, under this name; pools are compared with it")
        return operators


def raw_files(settings: Settings) -> tuple[str, ...]:
    """The file of votes, if any."""
    return (settings.votes,) if settings.votes else ()


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables of the first replicate; ``operator``, ``weights`` and ``temperature`` (none, teachers, vector, pool) name a pool:

    ``scores``: pool, data (test, or the name of foreign data), metric, value, low, high (95 % over examples), n, foreign.
    ``differences``: pool, against (plain: the arithmetic mean with equal weights; weights, operator, temperature: the pool
        that differs in this alone and has equal weights, the linear operator, no scaling; vector: each teacher has its
        temperature instead), data, metric, difference, low, high,
        p_holm (over the pools of one metric and kind), verdict.
    ``teachers``: teacher, disagreement (share of examples on which another teacher names another class, mean over the others),
        entropy (mean, nats), temperature (mean over folds), temperature_low, temperature_high.
    """
    one = next(replicates(inputs, inputs.blocks[0]))
    case = case_of(one.dataset, one.teachers, settings.folds, derive(inputs.seed, "folds"))
    names, votes = _weights(case, settings), _votes(inputs, case, settings)
    found: dict[Rule, Looks] = {}
    for temperature, scaling in SCALINGS.items():
        said = opinions(case, names, scaling)
        for rule, log_q in _pools(case, said, settings, temperature):
            found[rule] = _judged(case, said, rule, log_q, votes)
        if temperature == EACH:
            teachers = _teachers(case, said)
    return {
        "scores": pd.DataFrame(_scores(case, found)), "differences": pd.DataFrame(_differences(found)),
        "teachers": pd.DataFrame(teachers),
    }  # fmt: skip


def _weights(case: Case, settings: Settings) -> list[str]:
    known = applying(case)
    for name in settings.weights:
        if name not in known:
            expected = ", ".join(known)
            raise ContractError(f"pools on {case.dataset.name}", "weights", f"'{name}', which need what is not known", expected)
    return list(dict.fromkeys([PLAIN.weights, *(settings.weights or known)]))


def _votes(inputs: Inputs, case: Case, settings: Settings) -> np.ndarray | None:
    """Shares (N, K) of people's votes."""
    if settings.votes is None:
        return None
    rows, image = voted(case.dataset, settings.ids)
    counts = read_votes(inputs.raw / settings.votes)
    labelled = case.rows[: len(case.y)]
    if counts.shape[1] != case.dataset.num_classes or image.max() >= len(counts) or not np.isin(labelled, rows).all():
        expected = f"votes for all {len(labelled)} labelled examples of {case.dataset.name}, {case.dataset.num_classes} classes"
        raise ContractError(inputs.raw / settings.votes, "counts", f"shape {counts.shape}, {len(rows)} examples", expected)
    own = counts[image[np.searchsorted(rows, labelled)]]
    return own / own.sum(1, keepdims=True)


def _pools(case: Case, said: Opinions, settings: Settings, temperature: str) -> "Iterator[tuple[Rule, torch.Tensor]]":
    """Every pool with its log-probabilities (N + M, K); without scaled teachers also what scaling the pool makes of it."""
    for g, teacher in enumerate(case.names):
        yield Rule(TEACHER, teacher, temperature), said.log_prob[:, g]
    for name, chosen in settings.operators.items():
        module, typed = settings_of(chosen.operator, chosen.settings)
        for weights in _own_weights(chosen.operator, list(said.weights)):
            parts = zip(said.log_prob.split(ROWS), said.weights[weights].split(ROWS), strict=True)
            log_q = torch.cat([module.log_pool(log_prob, weight, typed) for log_prob, weight in parts])
            yield Rule(name, weights, temperature), log_q
            if temperature == NONE:
                beta = _cross_fitted(case, log_q[: len(case.y)].numpy())
                scaled = log_q * torch.as_tensor(beta[case.fold], dtype=log_q.dtype)[:, None]
                yield Rule(name, weights, POOL), torch.log_softmax(scaled, -1)


def _cross_fitted(case: Case, log_q: np.ndarray) -> np.ndarray:
    """1 / T of every fold (F,) of a pool with log-probabilities (N, K), from the labelled examples of all others."""
    fold = case.fold[: len(case.y)]
    return np.array([inverse_temperature(log_q[fold != f], case.y[fold != f]) for f in range(case.folds)])


def _own_weights(operator: str, names: list[str]) -> list[str]:
    """The weights that make a difference: minimax asks only which are 0, and equal ones know no best teacher."""
    if operator == "minimax":
        return [PLAIN.weights]
    return [name for name in names if name != PLAIN.weights] if operator == "best_single" else names


def _judged(case: Case, said: Opinions, rule: Rule, log_q: "torch.Tensor", votes: np.ndarray | None) -> Looks:
    """All scores of one pool."""
    n, prob = len(case.y), log_q.exp().numpy()
    found = {(HOME, metric): look for metric, look in label_looks(prob[:n], case.y, votes).items()}
    measures = _uncertainties(said, rule, prob) if case.foreign else {}
    for name, rows in case.foreign.items():
        for measure, values in measures.items():
            found |= {(name, metric): look for metric, look in foreign_looks(measure, values[:n], values[rows]).items()}
    return found


def _uncertainties(said: Opinions, rule: Rule, prob: np.ndarray) -> dict[str, np.ndarray]:
    """Measure -> (N + M,): entropy of the pool; mutual information of class and teacher; weight of who names another class.

    Mutual information is that of the weighted teachers, whatever the operator.
    """
    found = {"entropy": entropy(prob)}
    if rule.operator == TEACHER:
        return found
    other = said.named != prob.argmax(-1)[:, None]
    disagreement = (said.weights[rule.weights].numpy() * other).sum(-1)
    return found | {"information": said.information[rule.weights], "disagreement": disagreement}


def _teachers(case: Case, said: Opinions) -> list[dict[str, Any]]:
    named, own = said.named[: len(case.y)], said.entropy[: len(case.y)].mean(0)
    rows = []
    for g, teacher in enumerate(case.names):
        others = np.delete(named, g, axis=1)
        scale = said.temperature[:, g]
        rows.append({
            "teacher": teacher, "disagreement": float((others != named[:, [g]]).mean()), "entropy": float(own[g]),
            "temperature": float(scale.mean()), "temperature_low": float(scale.min()), "temperature_high": float(scale.max()),
        })  # fmt: skip
    return rows


def _scores(case: Case, found: Mapping[Rule, Looks]) -> Iterator[dict[str, Any]]:
    for rule, looks in found.items():
        for (data, metric), look in looks.items():
            low, high = look.ends()
            sizes = {"n": len(case.y), "foreign": len(case.foreign.get(data, ()))}
            yield {**rule._asdict(), "data": data, "metric": metric, "value": look.value, "low": low, "high": high, **sizes}


def _references(rule: Rule) -> dict[str, Rule]:
    """Against what a pool is compared: kind of comparison -> the other pool."""
    found = {"plain": PLAIN, "temperature": rule._replace(temperature=NONE)}
    if rule.temperature == VECTOR:
        found["vector"] = rule._replace(temperature=EACH)
    if rule.operator != TEACHER:
        found |= {"weights": rule._replace(weights=PLAIN.weights), "operator": rule._replace(operator=PLAIN.operator)}
    return {kind: other for kind, other in found.items() if other != rule}


def _differences(found: Mapping[Rule, Looks]) -> list[dict[str, Any]]:
    """Paired differences with corrected verdicts."""
    groups: dict[tuple[str, str, str], list[tuple[Rule, Look]]] = {}
    for rule, looks in found.items():
        for against, other in _references(rule).items():
            for place in looks.keys() & found.get(other, {}).keys():
                groups.setdefault((against, *place), []).append((rule, looks[place] - found[other][place]))
    rows = []
    for (against, data, metric), each in sorted(groups.items(), key=lambda group: group[0]):
        for (rule, look), p in zip(each, holm(np.array([look.p_value() for _, look in each])), strict=True):
            low, high = look.ends()
            said = verdict(judge(look.value, low, high, float(p)), HIGHER_IS_BETTER[metric])
            place = {"against": against, "data": data, "metric": metric}
            ends = {"difference": look.value, "low": low, "high": high}
            rows.append({**rule._asdict(), **place, **ends, "p_holm": float(p), "verdict": said})
    return rows
