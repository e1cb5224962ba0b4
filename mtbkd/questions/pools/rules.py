"""Names of pools in words, and how often each is better or worse than another; nothing is computed from data."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mtbkd.base.frames import Frame


class Rule(NamedTuple):
    """A pool: operator, weights, and which scaling teachers or pool have.

    A single teacher has the operator ``TEACHER`` and its name as weights.
    """

    operator: str
    weights: str
    temperature: str


NONE, EACH, VECTOR, POOL = "none", "teachers", "vector", "pool"
TEMPERATURES = {
    NONE: "not scaled", EACH: "each teacher scaled", VECTOR: "each teacher vector-scaled", POOL: "the pool scaled",
}  # fmt: skip
SCALINGS = {NONE: "none", EACH: "temperature", VECTOR: "vector"}  # of teachers, as ``pooling.scaling`` names them
TEACHER, HOME = "single teacher", "test"
PLAIN = Rule("linear", "equal", NONE)
PLAIN_WORDS = "the plain average"
LABELS = ("validation", "stacking", "domain", "product")  # weights that need labelled examples
KEYS = list(Rule._fields)
# Metric -> heading, and what it is.
METRICS = {
    "accuracy": ("Accuracy", "share of examples whose most probable class is correct"),
    "nll": ("NLL", "negative log-likelihood of the true class, nats"),
    "brier": ("Brier", "squared distance between the probabilities and the one-hot label"),
    "ece": ("ECE", "expected calibration error, 15 bins of equal mass"),
    "ece_smooth": ("Smooth ECE", "the same without bins: residuals smoothed by a kernel"),
    "ece_width": ("ECE, equal width", "the same in 15 bins of equal width, the usual choice of the literature"),
    "votes": ("NLL of votes", "cross-entropy of people's votes under the prediction, nats"),
}
MEASURES = {"entropy": "total entropy", "information": "mutual information", "disagreement": "disagreement"}


def rule_of(row: Mapping[str, Any]) -> Rule:
    """The pool that a row of a table is about."""
    return Rule(*(str(row[key]) for key in KEYS))


def words(rule: Rule) -> str:
    """``logarithmic pool, entropy weights, each teacher scaled``."""
    scaled = "" if rule.temperature == NONE else f", {TEMPERATURES[rule.temperature]}"
    if rule.operator == TEACHER:
        return f"{rule.weights}{scaled.replace('each teacher ', '')}"
    weights = "" if rule.weights == PLAIN.weights else f", {spaced(rule.weights)} weights"
    return f"{spaced(rule.operator)} pool{weights}{scaled}"


def spaced(name: str) -> str:
    """An identifier as words."""
    return name.replace("_", " ")


def needs_labels(rule: Rule) -> bool:
    """Does the pool need labelled examples that the teachers have not seen?"""
    return rule.temperature != NONE or rule.weights in LABELS


def pools_only(table: Frame) -> Frame:
    """The rows of pools, without single teachers."""
    return table[table["operator"] != TEACHER]


def indexed(rows: Frame) -> dict[Rule, dict[str, Any]]:
    """Pool -> its row, of rows of one comparison, data and metric."""
    return {rule_of(row): row for row in rows.to_dict("records")}


def chosen(table: Frame, **where: str) -> Frame:
    """The rows whose columns have the given values."""
    for key, value in where.items():
        table = table[table[key] == value]
    return table


def counted(verdicts: Iterable[str]) -> tuple[int, int, int]:
    """How many are better and worse, and of how many."""
    found = list(verdicts)
    return found.count("better"), found.count("worse"), len(found)
