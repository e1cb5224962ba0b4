"""Titles of methods as people say them: ``MT-BKD, entropy weights, SGLD`` for ``tip_entropy_sgld``."""

from collections.abc import Iterable, Mapping
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
TEACHERS = {"teachers:mean": "Teachers' mean", "teachers:best": "Best teacher"}


class Named(NamedTuple):
    """A method's id and the names of its parts; ``weights`` "" where the signal uses none."""

    method: str
    signal: str
    weights: str
    inference: str


class Student(NamedTuple):
    """A method as figures and tables show it; ``title`` where there is little room; "" for a part that is not known."""

    method: str
    title: str
    signal: str = ""
    inference: str = ""


def titles(methods: Iterable[Named]) -> dict[str, str]:
    """Id -> title, all different: what an id says beyond its parts stands in brackets.

    >>> titles([Named("tip_entropy_sgld_paper", "tip", "entropy", "sgld"), Named("labels_map", "none", "", "map")])
    {'tip_entropy_sgld_paper': 'MT-BKD, entropy weights, SGLD (paper)', 'labels_map': 'Labels alone, MAP'}
    """
    found = {each.method: _title(each) for each in methods}
    said = list(found.values())
    return {method: title if said.count(title) == 1 else f"{title} ({method})" for method, title in found.items()}


def students(methods: Iterable[Named]) -> dict[str, Student]:
    """Id -> the student, under its short title unless two students share it."""
    known = {each.method: each for each in methods}
    long = titles(known.values())
    brief = {method: short(title) for method, title in long.items()}
    shown = brief if len(set(brief.values())) == len(brief) else long
    return {name: Student(name, shown[name], each.signal, each.inference) for name, each in known.items()}


def parts(row: Mapping[str, Any]) -> Named:
    """The parts of the method of a table's row, as far as its columns say them."""
    found = (row.get(part) for part in ("signal", "weights", "inference"))
    return Named(row["method"], *(part if isinstance(part, str) else "" for part in found))


def teacher(name: str) -> str:
    """A teacher or a reference of teachers as figures call it.

    >>> [teacher(name) for name in ("teachers:mean", "teacher:Fungi", "kingdom_fungi")]
    ["Teachers' mean", 'Teacher Fungi', 'kingdom fungi']
    """
    return TEACHERS.get(name) or name.replace("teacher:", "Teacher ").replace("_", " ")


def _title(named: Named) -> str:
    if not (named.signal or named.inference):
        return named.method.replace("_", " ")
    weights = f"{named.weights.replace('_', ' ')} weights" if named.weights else ""
    inference = _inference(named.inference)
    parts = [SIGNALS.get(named.signal, named.signal.replace("_", " ")), weights, inference]
    known = {word for part in named[1:] for word in part.split("_")}
    rest = [REST.get(word, word) for word in named.method.split("_") if WORDS.get(word, word) not in known]
    return ", ".join(filter(None, parts)) + (f" ({' '.join(rest)})" if rest else "")


def _inference(name: str) -> str:
    return INFERENCES.get(name, name.replace("_", " ").upper())


def short(title: str) -> str:
    """A title where there is little room: ``MT-BKD, entropy, SGLD``."""
    return title.replace(" weights", "").replace(" (log pool)", "").replace(" (mean of teachers)", " (mean)")


def of_table(rows: Frame) -> dict[str, Student]:
    """``students`` of a table whose rows say the parts of their methods; of rows with a ``kind``, its students."""
    own = rows[rows["kind"] == "student"] if "kind" in rows else rows
    found: Any = own.drop_duplicates("method").to_dict("records")
    return students(map(parts, found))


def of_metrics(metrics: Frame) -> dict[str, str]:
    """``titles`` of the students of an experiment, from metrics.parquet."""
    rows: Any = metrics[metrics["kind"] == "student"].drop_duplicates("method").to_dict("records")
    return titles(map(parts, rows))
