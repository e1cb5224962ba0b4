"""Were two methods tuned on the same candidates, and did validation choose a value at the edge of a grid?

A comparison is not fair if a method's grid lacks candidates that the others had. A choice at the edge of a grid means that the
grid, not the validation data, may have determined the value. ``methods``: name -> content of its fit specification.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mtbkd.base import registry
from mtbkd.base.frames import Frame
from mtbkd.inference.tuning import ALWAYS_USED, SHARED_NAMES
from mtbkd.report.numbers import count, listed

Methods = Mapping[str, Any]
# Edges that have a meaning beyond a narrow grid.
STRENGTHS = ("kappa", "lambda")
MEANS = {
    **dict.fromkeys(((name, "lowest") for name in STRENGTHS), "validation preferring weaker teachers, or none"),
    ("prior_scale", "highest"): "a prior that has little effect",
}


def unlike(methods: Methods, first: str, second: str) -> str:
    """``lambda 4, 9 vs 0.05, 0.5``: shared settings that two methods did not tune on the same candidates, "" if none.

    A method that does not use a setting (labels alone do not use lambda) counts as having the experiment's usual candidates:
    the other method should have had them. Teachers and the ceiling have none.
    """
    if first not in methods or second not in methods:
        return ""
    told = []
    for setting in SHARED_NAMES:
        ours, theirs = (_candidates(methods[name], setting) or _usual(methods, setting) for name in (first, second))
        if ours != theirs:
            told.append(f"{_name(setting)} {_shown(ours)} vs {_shown(theirs)}")
    return "; ".join(told)


def of_its_own(methods: Methods, method: str) -> str:
    """``lambda 4, 9``: settings whose candidates differ from those of most methods of the experiment, "" if none."""
    found = {setting: _candidates(methods[method], setting) for setting in SHARED_NAMES} if method in methods else {}
    own = {setting: grid for setting, grid in found.items() if grid and grid != _usual(methods, setting)}
    return "; ".join(f"{_name(setting)} {_shown(grid)}" for setting, grid in own.items())


def _candidates(spec: Mapping[str, Any], setting: str) -> tuple[float | str, ...]:
    """In ascending order, words last; () if the method does not use the setting."""
    read = registry.part("signal", spec["signal"]["name"]).USES | ALWAYS_USED
    grid = spec["posterior"].get(setting, ()) if setting in read else ()
    return tuple(sorted(grid, key=lambda value: (isinstance(value, str), value)))


def _usual(methods: Methods, setting: str) -> tuple[float | str, ...]:
    found = Counter(grid for spec in methods.values() if (grid := _candidates(spec, setting)))
    return found.most_common(1)[0][0] if found else ()


class Edge(NamedTuple):
    """``times`` of ``of`` choices of ``setting`` were ``value``, its lowest or highest candidate."""

    setting: str
    end: str
    value: float
    times: int
    of: int


def edges(tuning: Frame, settings: Iterable[str]) -> list[Edge]:
    """Chosen grid edges, from one method's rows, one per candidate and replicate.

    Excludes infinity and 0, which cannot be exceeded, and a lambda that is tied to kappa.
    """
    chosen, found = tuning[tuning["chosen"].astype(bool)], []
    for setting in settings:
        candidates = tuning[setting].dropna()
        if candidates.nunique() < 2:
            continue
        for end, value in (("lowest", float(candidates.min())), ("highest", float(candidates.max()))):
            if value in (0, float("inf")) or (setting == "lambda" and "kappa" in tuning and value in set(tuning["kappa"])):
                continue
            if times := int((chosen[setting] == value).sum()):
                found.append(Edge(setting, end, value, times, len(chosen)))
    return found


def at_ends(tuning: Frame, settings: Sequence[str]) -> dict[tuple[str, str, float], list[tuple[str, Edge]]]:
    """(setting, end, value) -> the methods that chose it, from rows of all methods."""
    found: dict[tuple[str, str, float], list[tuple[str, Edge]]] = {}
    for method, rows in tuning.groupby("method", sort=False):
        for edge in edges(rows, settings):
            found.setdefault((edge.setting, edge.end, edge.value), []).append((str(method), edge))
    return found


def at_the_end(edge: Edge) -> str:
    """``lowest in 5 of 8``."""
    return f"{edge.end} in {edge.times} of {edge.of}"


def advice(setting: str, end: str, value: float, chosen: Sequence[tuple[str, Edge]]) -> str:
    """One sentence on a grid edge: which methods chose it, how often, and where to extend the grid."""
    who = listed([f"{method} ({edge.times} of {edge.of})" for method, edge in chosen])
    beyond = "below" if end == "lowest" else "above"
    read = f", or interpret it as {MEANS[setting, end]}" if (setting, end) in MEANS else ""
    return (
        f"The {end} {_name(setting)}, {value:g}, was chosen by {count(len(chosen), 'method')}: {who}. Extend the grid "
        f"{beyond} it{read}."
    )


def _name(setting: str) -> str:
    return setting.replace("_", " ")


def _shown(grid: Iterable[float | str]) -> str:
    return ", ".join(value if isinstance(value, str) else f"{value:g}" for value in grid)
