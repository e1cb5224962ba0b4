"""What the page says of the theorems on adaptive weights, and of the paper's example."""

from collections.abc import Mapping

from mtbkd.base.frames import Frame
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import show
from mtbkd.report.table import Cell, Column, Row, Table, number, text

EVERY = 4  # which of the recorded steps are shown


def told(tables: Mapping[str, Frame]) -> list[str]:
    """One sentence a section of the paper."""
    theorems, example = tables["theorems"], tables["example"].set_index("quantity")
    holds = theorems["holds"].astype(bool)
    floor, lost = _one(theorems, "IV.2, limit"), _one(theorems, "IX-A")
    gap = theorems[(theorems["setting"] == "weights differ by context")].iloc[0]
    gradient = theorems[(theorems["theorem"] == "VII.4") & (theorems["quantity"] == "share that breaks it")].iloc[0]
    gain = example.loc["gain over uniform"]
    claimed = theorems["claimed"].astype(bool)
    return [
        f"Theorems as experiments: {(holds & claimed).sum()} of {claimed.sum()} cases agree with the paper's claims; for "
        "each of the others the table names the missing condition. Further cases, marked as not claimed, show limits and our "
        "repairs.",
        f"Composition (IV.2) gives bounded weights, but three layers with floor {floor['stated']:g} leave only "
        f"{floor['measured']:.4f}. Ordinal safety is lost if a task layer disagrees: the safer teacher falls to "
        f"{lost['measured']:.3f}.",
        "Convergence (VI.2): the loss converges, but KL vanishes only for a student that can fit the pool and sees what "
        f"the weights see; weights that differ by context leave {gap['measured']:.2f} nats. The rate C / t needs a large first "
        "step.",
        f"Variance of gradients (VII.4) is false as stated: {gradient['measured']:.0%} of random pairs of contradicting "
        "teachers exceed the bound. The squared weighted mean of the teachers' standard deviations is a bound that holds.",
        f"Appendix A with its entropies corrected: the gain over uniform weights is {gain['corrected']:.0%}, printed "
        f"{gain['printed']:.0%}.",
    ]


def _one(theorems: Frame, number_: str) -> Mapping[str, float]:
    return theorems[theorems["theorem"] == number_].iloc[0].to_dict()


def theorems(name: str, found: Frame) -> Table:
    """Claims beside measurements."""
    rows = []
    for row in found.to_dict("records"):
        holds = bool(row["holds"])
        verdict = _verdict(holds, bool(row["claimed"]))
        measured = Cell(_shown(row["measured"]), row["quantity"], row["measured"])
        cells = [text(row["theorem"]), text(row["claim"], row["setting"]), verdict, measured]
        rows.append(Row([*cells, Cell(_shown(row["stated"]), "", row["stated"]), text(row["remark"])]))
    head = [Column("Theorem"), Column("Claim", hint="below: where it was tried"), Column("Holds"), Column("Measured", True),
            Column("Claimed", True, "bound or value"), Column("Why, or what is missing")]  # fmt: skip
    return Table(f"{name}-theorems", "Theorems of the paper as experiments", head, rows)


def _verdict(holds: bool, claimed: bool) -> Cell:
    word = f"{MARKS['passed']} yes" if holds else f"{MARKS['failed']} no"
    return text(word, "" if claimed else "not claimed", "good" if holds else "bad" if claimed else "")


def _shown(value: float) -> str:
    """Small numbers with four decimals or as 0, others as everywhere."""
    return "0" if abs(value) < 1e-9 else f"{value:.4f}" if abs(value) < 0.1 else show(value)


def details(name: str, tables: Mapping[str, Frame]) -> list[Table]:
    """Appendix A, the curves of VI.2, the frontier of VIII."""
    return [_example(name, tables["example"]), _curves(name, tables["convergence"]), _frontier(name, tables["frontier"])]


def _example(name: str, example: Frame) -> Table:
    rows = [
        Row([text(row["quantity"]), number(row["printed"]), Cell(show(row["corrected"]), row["remark"], row["corrected"])])
        for row in example.to_dict("records")
    ]
    head = [Column("Quantity"), Column("Printed", True), Column("Corrected", True, "entropies in nats; weights 1 / H")]
    return Table(f"{name}-example", "Appendix A: the printed entropies match no unit", head, rows)


def _curves(name: str, curves: Frame) -> Table:
    rows = []
    for (setting, operator), own in curves.groupby(["setting", "operator"], sort=False):
        for row in own.iloc[::-EVERY].iloc[::-1].to_dict("records"):
            excess = Cell(f"{row['excess']:.2g}", f"se {row['se']:.1g}", row["excess"])
            kl = [Cell(f"{max(row[key], 0):.2g}", "", row[key]) for key in ("kl", "least_kl")]
            rows.append(Row([text(setting), text(operator), Cell(f"{row['step']:,}", "", row["step"]), excess, *kl]))
    head = [Column("Student"), Column("Weights"), Column("Step", True), Column("Excess loss", True, "above the optimum, nats"),
            Column("KL", True, "of the student from the pool, nats"), Column("Least KL", True, "at the optimum")]  # fmt: skip
    return Table(f"{name}-convergence", "Stochastic gradient descent with step eta / (1 + t), means over runs", head, rows)


def _frontier(name: str, frontier: Frame) -> Table:
    columns = {
        "limit": "Limit",
        "safety": "Safety",
        "loss": "Loss (nats)",
        "multiplier": "Multiplier",
        "slope": "Slope of the loss",
    }
    rows = [Row([number(row[key]) for key in columns]) for row in frontier.to_dict("records")]
    caption = "Safety-constrained distillation, exactly: the multiplier is the price of safety"
    return Table(f"{name}-frontier", caption, [Column(title, True) for title in columns.values()], rows)
