"""How students with several labels were fitted: whom they trusted, their tuning, their teachers, their gates."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base import registry
from mtbkd.base.frames import Frame
from mtbkd.inference.convergence import GATES
from mtbkd.inference.tuning import ALWAYS_USED
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import NONE, count, show
from mtbkd.report.table import Cell, Column, Row, Table, number, text


def tables(name: str, found: Mapping[str, Frame]) -> list[Table]:
    """Tables of the question ``name`` that are folded away."""
    return [
        _weights(name, found["experts"]),
        _tuning(name, found["tuning"]),
        _teachers(name, found["teachers"]),
        _judged(name, found["gates"]),
    ]


def _weights(name: str, experts: Frame) -> Table:
    teachers = list(dict.fromkeys(experts["teacher"]))
    head = [Column("Chosen by"), Column("Proteins"), Column("Kingdom")]
    head += [Column(each, True, "mean weight; below, how often it has the largest") for each in teachers]
    lines = []
    for (by, split, domain), own in experts.groupby(["chosen_by", "split", "domain"], sort=False):
        cells = [_trust(row) for row in own.to_dict("records")]
        lines.append(Row([text(by), text(split), text(domain), *cells]))
    caption = (
        f"{name}: which teacher is trusted, by the protein's kingdom; under a method's name the shares that its posterior "
        "gives to the teachers (responsibilities), on training proteins"
    )
    return Table(f"{name}-experts", caption, head, lines)


def _trust(row: Mapping[str, Any]) -> Cell:
    expert = "good" if row["teacher"] == row["domain"] else ""
    return Cell(show(row["mean_weight"]), f"{100 * row['top_share']:.0f} %", row["mean_weight"], expert)


def _whole(value: int) -> Cell:
    return Cell(f"{value:,}", "", value)


def _tuning(name: str, tuning: Frame) -> Table:
    varied = [c for c in tuning.columns[2:-2] if tuning[c].nunique() > 1]
    head = [Column("Signal"), Column("Weights"), *(Column(c.replace("_", " "), True) for c in varied)]
    head += [Column("Validation NLL", True, "", "lower"), Column("Chosen")]
    lines = []
    for row in tuning.to_dict("records"):
        read = registry.part("signal", row["signal"]).USES | ALWAYS_USED
        cells = [
            text(row["signal"]),
            text(row["weights"] or NONE),
            *(number(row[c]) if c in read else text(NONE) for c in varied),
        ]
        lines.append(Row([*cells, number(row["val_nll"]), text(f"{MARKS['passed']} yes" if row["chosen"] else "no")]))
    caption = f"{name}: tuning of the shared settings on validation proteins; labels-only fits do not use lambda"
    return Table(f"{name}-tuning", caption, head, lines)


def _teachers(name: str, teachers: Frame) -> Table:
    head = [Column("Teacher"), Column("Training proteins", True), Column("Validation proteins", True)]
    head += [Column("Prior scale", True), Column("Validation NLL", True, "on its own kingdom", "lower"), Column("Chosen")]
    lines = [
        Row([text(row["teacher"]), _whole(row["examples"]), _whole(row["val_examples"]), number(row["prior_scale"]),
             number(row["val_nll"]), text(f"{MARKS['passed']} yes" if row["chosen"] else "no")])
        for row in teachers.to_dict("records")
    ]  # fmt: skip
    return Table(
        f"{name}-teachers", f"{name}: the teachers, each chosen on validation proteins of its own kingdom", head, lines
    )


def _judged(name: str, gates: Frame) -> Table:
    rows = gates[gates["verdict"].notna() | ~gates["judged"]]
    head = [
        Column("Method"),
        Column("Gate"),
        Column("Worst value", True),
        Column("Threshold", True),
        Column("Replicates passed"),
    ]
    lines = []
    for (method, gate), own in rows.groupby(["method", "gate"], sort=False):
        worst = GATES[str(gate)].worst(own["value"].to_numpy(float))
        passed, unjudged = int(own["verdict"].eq(True).sum()), int((~own["judged"]).sum())
        aside = f"{unjudged} not judged" if unjudged else ""
        lines.append(Row([text(method), text(gate), number(worst), number(own["threshold"].iloc[0]),
                          text(f"{passed} of {count(len(own), 'replicate')}", aside)]))  # fmt: skip
    caption = f"{name}: are the draws reliable? Judged on the probabilities of every location at a few test proteins"
    return Table(f"{name}-gates", caption, head, lines)
