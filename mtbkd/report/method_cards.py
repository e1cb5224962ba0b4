"""Method cards: what a method is, how to ask for it, and what it chose, passed and cost in each experiment."""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup, escape

from mtbkd.base import registry
from mtbkd.base.frames import Frame
from mtbkd.inference.convergence import GATES
from mtbkd.inference.tuning import ALWAYS_USED
from mtbkd.report import sparkline
from mtbkd.report.evidence import Evidence
from mtbkd.report.experiment import gate_cell
from mtbkd.report.numbers import estimate, show_estimate
from mtbkd.report.page import Figure
from mtbkd.report.runs import Cost, duration
from mtbkd.report.table import Cell

STRENGTHS = ("kappa", "lambda")  # the setting that a curve is drawn against: the first that has several candidates
GREEK = {"lambda": "\u03bb", "kappa": "\u03ba", "theta": "\u03b8", "xi": "\u03be", "eps": "\u03b5", "pi": "\u03c0"}
BASES = GREEK | {"sum": "\N{N-ARY SUMMATION}", "pbar": "p\N{COMBINING MACRON}"}
SYMBOL = re.compile(r"\b([A-Za-z]+)_([A-Za-z0-9]+)\b|\^([A-Za-z0-9]+)|\b(" + "|".join(GREEK) + r")\b")
LABELS = "log pi(theta | D) = sum_i log p(y_i | x_i, theta)"
TEACHERS = " + sum_i T(q_i)"  # what T is, the signal's module says
PRIOR = " + log p(theta) + constant"
FIGURES, CHAINS = ("-training", "-lambda_curve"), ("-rank", "-ess")


@dataclass(frozen=True)
class Part:
    """One of the parts that a method is made of: its kind, its name in configurations and what its module says it is."""

    kind: str
    name: str
    says: Markup


@dataclass(frozen=True)
class Curve:
    """Mean validation NLL against the candidates of one setting, the best of all others; without candidates that diverged.

    Attributes:
        setting: what runs along it.
        points: (candidate, NLL), ascending.
        path: ``points`` of an SVG polyline, on evenly spaced candidates.
        dots: the same, one each.
    """

    setting: str
    points: Sequence[tuple[float, float]]
    path: str
    dots: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Place:
    """A method in one experiment; ``gates``: name -> (verdict, advice where it failed)."""

    experiment: str
    scores: Sequence[tuple[str, str]]
    chosen: Sequence[tuple[str, str]]
    curve: Curve | None
    training: sparkline.Training | None
    gates: Sequence[tuple[str, Cell, str]]
    cost: str
    figures: Sequence[tuple[str, str]]
    yaml: str


@dataclass(frozen=True)
class MethodCard:
    """Everything the page knows of a method."""

    id: str
    title: str
    formula: Markup
    parts: Sequence[Part]
    notes: str
    places: Sequence[Place]


def method_cards(
    evidence: Iterable[Evidence],
    tables: Mapping[str, Mapping[str, Frame]],
    titles: Mapping[str, str],
    costs: Sequence[Cost],
    figures: Sequence[Figure],
    training: Mapping[tuple[str, str], sparkline.Training],
) -> list[MethodCard]:
    """The cards of a study's methods, in the order in which they first appear.

    Args:
        evidence: of its experiments.
        tables: experiment -> table of the evaluation -> rows.
        titles: method -> title.
        costs: of all jobs.
        figures: of the page, to which the cards link.
        training: (experiment, method) -> its training curve.
    """
    found: dict[str, list[Evidence]] = {}
    for each in evidence:
        for method in each.students:
            found.setdefault(method, []).append(each)
    spent = {cost.name: cost for cost in costs if cost.step == "student"}
    drawn: dict[str, list[Figure]] = {}
    for figure in figures:
        drawn.setdefault(figure.of or "", []).append(figure)
    return [
        MethodCard(
            method, titles[method], _formula(where[0].methods[method]), _parts(where[0].methods[method]),
            where[0].notes.get(method, ""),
            [
                _place(
                    e, method, tables[e.name], spent.get(f"{e.name}: {method}"), drawn.get(e.name, []),
                    training.get((e.name, method)),
                )
                for e in where
            ],
        )
        for method, where in found.items()
    ]  # fmt: skip


def typeset(text: str) -> Markup:
    """ASCII mathematics of docstrings as HTML: Greek letters, subscripts and superscripts.

    >>> print(typeset("lambda sum_g w_g p_g^2"))
    \N{GREEK SMALL LETTER LAMDA} \N{N-ARY SUMMATION}<sub>g</sub> w<sub>g</sub> p<sub>g</sub><sup>2</sup>
    """
    return Markup(SYMBOL.sub(_symbol, str(escape(text))))


def _symbol(match: re.Match[str]) -> str:
    base, below, above, letter = match.groups()
    if above:
        return f"<sup>{GREEK.get(above, above)}</sup>"
    return GREEK[letter] if letter else f"{BASES.get(base, base)}<sub>{GREEK.get(below, below)}</sub>"


def says(kind: str, name: str) -> str:
    """The first paragraph of a part's module, without importing it."""
    found = find_spec(registry.module_name(kind, name))
    text = ast.get_docstring(ast.parse(Path(found.origin or "").read_text(encoding="utf-8"))) if found else ""
    return " ".join((text or "").split("\n\n")[0].split())


def _formula(spec: Mapping[str, Any]) -> Markup:
    return typeset(LABELS + (TEACHERS if spec["signal"]["name"] != "none" else "") + PRIOR)


def _parts(spec: Mapping[str, Any]) -> list[Part]:
    named = [("signal", spec["signal"]["name"]), ("weights", spec["weights"]), ("inference", spec["inference"]["name"])]
    return [Part(kind, name, typeset(says(kind, name))) for kind, name in named if name]


def _place(
    evidence: Evidence,
    method: str,
    tables: Mapping[str, Frame],
    cost: Cost | None,
    figures: Sequence[Figure],
    training: sparkline.Training | None,
) -> Place:
    tuning = tables["tuning"]
    own = tuning[tuning["method"] == method]
    spec = evidence.methods[method]
    return Place(
        evidence.name, _scores(evidence, method), _chosen(own, spec), _curve(own, spec), training,
        _gates(evidence, method, tables["gates"]),
        "" if cost is None else f"{duration(cost.wall)}, {duration(cost.cpu)} of CPU time, up to {cost.memory:.0f} MB",
        [(f.title, f.stem) for f in figures if f.stem.endswith(FIGURES + (CHAINS if evidence.posterior.get(method) else ()))],
        settings(spec),
    )  # fmt: skip


def _scores(evidence: Evidence, method: str) -> list[tuple[str, str]]:
    found = []
    for metric, label in (("nll", "NLL"), ("accuracy", "Accuracy")):
        rows = evidence.whole(metric, "student")
        rows = rows[rows["method"] == method]
        if len(rows):
            found.append((label, show_estimate(estimate(rows))))
    return found


def _tuned(own: Frame, spec: Mapping[str, Any]) -> list[str]:
    """Settings that have several candidates, words among them left out."""
    return [name for name in spec["posterior"] if name in own and own[name].nunique() > 1]


def _chosen(own: Frame, spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    picked = own[own["chosen"].astype(bool)]
    found = []
    for name in _tuned(own, spec):
        times = picked[name].value_counts().sort_index()
        told = ", ".join(f"{value:g} ({n}\N{MULTIPLICATION SIGN})" for value, n in times.items())
        found.append((GREEK.get(name, name.replace("_", " ")), told))
    return found


def _curve(own: Frame, spec: Mapping[str, Any]) -> Curve | None:
    setting = next((name for name in STRENGTHS if name in _tuned(own, spec)), None)
    if setting is None:
        return None
    best = own.groupby([setting, "replicate"])["val_nll"].min().unstack().mean(axis=1, skipna=False).dropna()
    if len(best) < 2:
        return None
    points = [(float(x), float(y)) for x, y in best.items()]
    low, high = float(best.min()), float(best.max())
    dots = sparkline.places([y for _, y in points], low, high)
    return Curve(GREEK.get(setting, setting), points, sparkline.path(dots), dots)


def _gates(evidence: Evidence, method: str, gates: Frame) -> list[tuple[str, Cell, str]]:
    own = gates[gates["method"] == method]
    found = []
    for name in (gate for gate in GATES if gate in set(own["gate"])):
        rows = own[own["gate"] == name]
        if (rows["verdict"] == "not applicable").all():
            continue
        failed = (rows["verdict"] == "failed").any()
        found.append((name, gate_cell(rows, evidence.gap_size(method)), GATES[name].advice if failed else ""))
    return found


def settings(spec: Mapping[str, Any]) -> str:
    """The method as an entry of ``methods`` of a study's file: the same fit where data, student and training are the same."""
    signal, inference = spec["signal"], spec["inference"]
    uses = registry.part("signal", signal["name"]).USES | ALWAYS_USED
    entry: dict[str, Any] = {"signal": signal["name"]}
    entry |= {"signal_settings": dict(signal["settings"])} if signal["settings"] else {}
    entry |= {"weights": spec["weights"]} if spec["weights"] else {}
    entry |= {"weights_settings": dict(spec["weights_settings"])} if spec.get("weights_settings") else {}
    entry |= {"teacher_scaling": scaling} if (scaling := spec.get("teacher_scaling", "none")) != "none" else {}
    entry |= {"inference": inference["name"]}
    entry |= {"settings": dict(inference["settings"])} if inference["settings"] else {}
    entry |= {"layers": spec["layers"]} if spec["layers"] != "all" else {}
    entry |= {"tuned_on": spec["tuned_on"]} if spec.get("tuned_on", "validation") != "validation" else {}
    entry |= {name: spec[name] for name in ("stack_chains", "student_scaling", "conformal_folds") if spec.get(name)}
    entry |= {"posterior": {key: _grid(grid) for key, grid in spec["posterior"].items() if key in uses}}
    methods = {spec["method"]: entry}
    if tuned_by := spec.get("tuned_by"):
        judge = f"{spec['method']}_trial"
        entry["tuned_by"] = judge
        shared = {
            key: entry[key]
            for key in ("signal", "signal_settings", "weights", "weights_settings", "teacher_scaling")
            if key in entry
        }
        methods[judge] = {**shared, "inference": tuned_by["name"], "settings": dict(tuned_by["settings"])}
    return yaml.safe_dump({"methods": methods}, sort_keys=False, default_flow_style=None, width=100)


def _grid(grid: Sequence[Any]) -> Any:
    return grid[0] if len(grid) == 1 else list(grid)
