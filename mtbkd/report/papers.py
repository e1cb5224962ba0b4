"""The papers' tables in their own layout: in each cell what is printed and ours, with both intervals and a verdict."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.data.published import layouts
from mtbkd.data.published import tables as published
from mtbkd.data.published.layouts import Address, Choice, Layout, Line
from mtbkd.evaluation.metrics import range_of
from mtbkd.report import unscored
from mtbkd.report.experiment import LOOKS, VERDICT_MARKS
from mtbkd.report.numbers import MINUS, show, show_interval
from mtbkd.report.titles import INFERENCES, short
from mtbkd.report.versus import (  # fmt: skip
    ABOVE_CEILING,
    BETTER,
    COMPATIBLE,
    FITTED,
    MARGIN,
    NOISY,
    NOT_RUN,
    NOT_STATED,
    WORSE,
    Verdict,
    Versus,
)

Plan = Mapping[str, Any]
Beside = Mapping[str, Mapping[str, Sequence[Versus]]]
WORDS: dict[Verdict, str] = {  # short: eleven columns stand side by side
    BETTER: "ours better",
    WORSE: "ours worse",
    NOISY: "too noisy",
    ABOVE_CEILING: "above ceiling",
    NOT_STATED: "not comparable",
    NOT_RUN: "not run",
}
MEANINGS: dict[Verdict, str] = {
    COMPATIBLE: "the printed number lies in the range of our single runs",
    BETTER: "it lies outside; ours is better",
    WORSE: "it lies outside; ours is worse",
    NOISY: f"it lies inside, but the range is wider than {MARGIN:g} to either side, or we have too few runs",
    ABOVE_CEILING: "no classifier reaches the printed number, except by chance",
    FITTED: "a search chose our settings by this number: it reproduces nothing",
    NOT_STATED: "other data or settings; hover over the verdict for the reason",
    NOT_RUN: "we have no method of that kind",
}
NOTHING = "nothing here has such a setting"


@dataclass(frozen=True)
class Ours:
    """One of our numbers in a cell.

    Attributes:
        method: its title.
        value, interval: the mean with its 95 % interval.
        run: where 95 % of single runs lie; "" if unknown.
        verdict, look, why: the verdict with its mark, the class of its look, and the reason.
    """

    method: str
    value: str
    interval: str
    run: str
    verdict: str
    look: str
    why: str


@dataclass(frozen=True)
class Cell:
    """A printed number, where it stands among the published tables, and ours."""

    printed: str
    address: Address
    ours: Sequence[Ours]


@dataclass(frozen=True)
class Item:
    """A printed table or figure on the page.

    Attributes:
        name: of its part of the page.
        layout: as the paper has it.
        of: the experiments and questions that ours come from.
        groups: headings above the columns, each with the number of columns below it; [] without any.
        rows: each with its cells.
        unstated: (what the paper does not state, our choice).
        notes: what else to know of the published numbers.
        file: holds all its numbers, in ``tables/`` beside the page; "" for none.
    """

    name: str
    layout: Layout
    of: Sequence[str]
    groups: Sequence[tuple[str, int]]
    rows: Sequence[tuple[Line, Sequence[Cell]]]
    unstated: Sequence[tuple[str, str]]
    notes: Sequence[str]
    file: str = ""


def content(
    plan: Plan,
    versus: Mapping[str, Sequence[Versus]],
    asked: Beside,
    cards: Mapping[str, Mapping[str, Any]],
    examples: Callable[[str], Frame],
    titles: Mapping[str, str],
) -> dict[str, Any]:
    """What the page's part on the papers names.

    Args:
        plan, titles: as for ``items``.
        versus: experiment -> its published numbers beside ours.
        asked: question -> published table -> its numbers beside ours.
        cards, examples: as for ``unscored.beside``.
    """
    unscores = unscored.beside(plan["experiments"], cards, examples)
    return {
        "papers": items(plan, beside(plan["experiments"], versus, unscores, asked), titles),
        "verdicts_explained": EXPLAINED,
    }


def beside(experiments: Plan, versus: Mapping[str, Sequence[Versus]], *others: Beside) -> Beside:
    """Experiment or question -> published table -> its numbers beside ours, of the scores of experiments and of ``others``."""
    found = {name: {experiments[name]["published"]: own} for name, own in versus.items() if own}
    for name, tables in (pair for each in others for pair in each.items() if pair[1]):
        found[name] = {**found.get(name, {}), **tables}
    return found


def items(plan: Plan, beside: Beside, titles: Mapping[str, str]) -> list[Item]:
    """The items that a study shows; of a study that is one, that one alone.

    Where several experiments stand beside one published table, the item is shown for each of them.

    Args:
        plan: ``dataclasses.asdict`` of the study's plan.
        beside: experiment or question -> published table -> its numbers beside ours.
        titles: method -> title.
    """
    known, found = layouts.read(), []
    alone = known.get(plan["study"])
    for layout in [alone] if alone else known.values():
        owners = [[name for name, tables in beside.items() if table in tables] for table in layout.tables]
        sets = [tuple(dict.fromkeys(filter(None, names))) for names in zip_longest(*owners)]
        found += [_item(layout, names, plan, beside, titles) for names in sets or ([()] if alone else [])]
    return found


def _item(layout: Layout, names: tuple[str, ...], plan: Plan, beside: Beside, titles: Mapping[str, str]) -> Item:
    ours: dict[Address, list[Versus]] = {}
    for name in names:
        for table in set(beside[name]) & set(layout.tables):
            for v in beside[name][table]:
                ours.setdefault(Address(table, v.printed.quantity, v.printed.column), []).append(v)
    rows = [(row, [_cell(layout.address(row, column), ours, titles) for column in layout.columns]) for row in layout.rows]
    groups = [(group, len(list(own))) for group, own in groupby(column.group for column in layout.columns)]
    parts = parts_of(plan, names or tuple(plan["experiments"]))
    notes = dict.fromkeys(f"{published.source(table).place}: {published.source(table).note}." for table in layout.tables)
    scored = {part["published"] for part in parts if "published" in part} & set(layout.tables)
    file = "published.csv" if scored else "".join(f"{name}-published.csv" for name in names if name in plan["questions"])
    return Item(
        "-".join(("paper", layout.name, *names)), layout, names, groups if any(group for group, _ in groups) else [], rows,
        [(choice.what, chosen(choice, parts)) for choice in layout.unstated], list(notes), file,
    )  # fmt: skip


def parts_of(plan: Plan, names: Iterable[str]) -> list[Plan]:
    """The experiments and questions of a plan that ``names`` names, as ``chosen`` reads them."""
    own = list(names)
    asked = [plan["questions"][name] for name in own if name in plan["questions"]]
    found = [plan["experiments"][name] for name in own if name in plan["experiments"]]
    return [*found, *({"question": each, **({"data": each["data"]} if each["data"] else {})} for each in asked)]


def _cell(address: Address, ours: Mapping[Address, Sequence[Versus]], titles: Mapping[str, str]) -> Cell:
    return Cell(layouts.printed(address).replace("-", MINUS), address, [_ours(v, titles) for v in ours.get(address, ())])


def _ours(v: Versus, titles: Mapping[str, str]) -> Ours:
    low, high, _ = range_of(v.metric)
    ends = (max(v.ours.mean - v.half, low), min(v.ours.mean + v.half, high))
    run = f"{show(ends[0])} to {show(ends[1])}" if v.half >= 0 else ""
    value = f"{v.ours.mean:,.0f}" if v.metric == "count" and v.ours.known else show(v.ours.mean)
    over = show_interval(v.ours.low, v.ours.high) or ("one replicate" if v.ours.n == 1 and v.metric != "count" else "")
    title = short(titles.get(v.method, v.method))
    return Ours(
        title,
        value,
        _bare(over),
        _bare(run),
        said(v.verdict),
        LOOKS.get(v.verdict, ""),
        v.why,
    )


def said(verdict: Verdict) -> str:
    """The mark of a verdict, and it in two words."""
    return f"{VERDICT_MARKS[verdict]} {WORDS.get(verdict, verdict)}"


EXPLAINED = [(said(verdict), meaning) for verdict, meaning in MEANINGS.items()]


def _bare(numbers: str) -> str:
    """Without the zeros before decimal points: eleven columns shall fit."""
    return re.sub(r"(?<!\d)0\.", ".", numbers)


def chosen(choice: Choice, parts: Sequence[Plan]) -> str:
    """Our choice in words, with the settings that the ``parts`` of a plan, experiments or questions, have."""
    told = []
    for words, path in choice.ours.items():
        found = [value for part in parts for value in _values(part, path)]
        named = map(_inference if path.endswith("inference.name") else _shown, found)
        values = dict.fromkeys(named)
        told += [f"{words} {' or '.join(values)}"] if values else []
    if choice.ours and not told and not choice.said:
        return NOTHING
    return "; ".join([*filter(None, [choice.said]), *([", ".join(told)] if told else [])])


def _values(part: Plan, path: str) -> Iterator[Any]:
    """What ``path``, words between dots, names in an experiment or a question."""
    root, *rest = path.split(".")
    if root == "data":
        starts = [part["data"]["settings"]] if "data" in part else []
    elif root == "teachers":
        starts = [teacher["settings"] for teacher in part.get("teachers", ())]
    elif root == "methods":
        methods, columns = part.get("methods", {}), part.get("columns", {})
        starts = [methods[name] for name in (columns or methods)]
    else:
        starts, rest = [part], [root, *rest]
    for found in starts:
        for key in rest:
            found = found.get(key) if isinstance(found, Mapping) else None
        if found is not None:
            yield found


def _inference(name: str) -> str:
    return INFERENCES.get(name, name.replace("_", " ").upper())


def _shown(value: Any) -> str:
    """A setting as people write it."""
    if isinstance(value, Mapping):
        return " + ".join(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    if isinstance(value, float):
        return f"{value:g}".replace("inf", "\N{INFINITY}")
    return f"{value:,}" if isinstance(value, int) and value >= 1000 else str(value)
