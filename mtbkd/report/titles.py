"""Titles of methods as people say them: ``MT-BKD, entropy weights, SGLD`` for ``tip_entropy_sgld``."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from mtbkd.base.frames import Frame

# Parts whose name is not the field's; any other part is called by its own name.
SIGNALS = {
    "none": "Labels alone",
    "kd": "KD (log pool)",
    "kd_mean": "KD (mean of teachers)",
    "kd_hinton": "KD with T\N{SUPERSCRIPT TWO}",
    "tip": "MT-BKD",
    "bkd": "BKD, one teacher",
    "pooled": "MT-BKD, pooled first",
    "power": "MT-BKD, power pool",
}
INFERENCES = {"laplace": "Laplace", "dropout": "dropout", "ensemble": "ensemble", "hmc_laplace": "HMC"}
WORDS = {"labels": "none"}  # of ids, where they are not the part's name
REST = {"last": "last layer", "bnn": "BNN"}


class Named(NamedTuple):
    """A method's id and the names of its parts; ``weights`` "" where the signal uses none."""

    method: str
    signal: str
    weights: str
    inference: str


def titles(methods: Iterable[Named]) -> dict[str, str]:
    """Id -> title, all different: what an id says beyond its parts stands in brackets.

    >>> titles([Named("tip_entropy_sgld_paper", "tip", "entropy", "sgld"), Named("labels_map", "none", "", "map")])
    {'tip_entropy_sgld_paper': 'MT-BKD, entropy weights, SGLD (paper)', 'labels_map': 'Labels alone, MAP'}
    """
    found = {each.method: _title(each) for each in methods}
    said = list(found.values())
    return {method: title if said.count(title) == 1 else f"{title} ({method})" for method, title in found.items()}


def _title(named: Named) -> str:
    weights = f"{named.weights.replace('_', ' ')} weights" if named.weights else ""
    inference = INFERENCES.get(named.inference, named.inference.replace("_", " ").upper())
    parts = [SIGNALS.get(named.signal, named.signal.replace("_", " ")), weights, inference]
    known = {word for part in named[1:] for word in part.split("_")}
    rest = [REST.get(word, word) for word in named.method.split("_") if WORDS.get(word, word) not in known]
    return ", ".join(filter(None, parts)) + (f" ({' '.join(rest)})" if rest else "")


def short(title: str) -> str:
    """A title where there is little room: ``MT-BKD, entropy, SGLD``."""
    return title.replace(" weights", "").replace(" (log pool)", "").replace(" (mean of teachers)", " (mean)")


def of_metrics(metrics: Frame) -> dict[str, str]:
    """``titles`` of the students of an experiment, from metrics.parquet."""
    rows: Any = metrics[metrics["kind"] == "student"].drop_duplicates("method").to_dict("records")
    return titles(Named(row["method"], row["signal"], row["weights"] or "", row["inference"]) for row in rows)
