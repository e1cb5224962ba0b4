"""Tables of scores of students with several labels: by method, and of distilled students against their references."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.verdict import beyond
from mtbkd.questions.multilabel.scores import HIGHER_IS_BETTER
from mtbkd.questions.multilabel.tables import ALL, TEST
from mtbkd.report.numbers import NONE, Estimate, estimate, show, show_interval
from mtbkd.report.table import Cell, Column, Row, Table, score, text

WORDS = {
    "macro_mcc": "MCC, mean over locations", "macro_f1": "F1, mean over locations", "micro_f1": "F1, all pairs",
    "jaccard": "Jaccard", "subset_accuracy": "all locations correct", "macro_auroc": "AUROC, mean over locations",
    "micro_auroc": "AUROC, all pairs", "macro_average_precision": "average precision, mean over locations",
    "nll": "NLL", "brier": "Brier score", "ece": "ECE",
}  # fmt: skip
HINTS = {
    "jaccard": "shared locations over all predicted or true ones, mean over proteins",
    "subset_accuracy": "share of proteins whose predicted locations are exactly the true ones",
    "nll": "negative log-likelihood per protein and location, nats",
    "brier": "squared error of the probability, mean over proteins and locations",
    "ece": "expected calibration error over all pairs of protein and location, 15 bins of equal mass",
}
LOOKS = {1: "good", -1: "bad", 0: ""}
INTERVALS = "mean over replicates with its 95 % interval; teachers are trained once"


def place(split: str) -> str:
    """A split in words."""
    return "test proteins" if split == TEST else f"{split.removeprefix('ood:')} (out-of-distribution)"


def overall(scores: Frame, split: str, domain: str = ALL) -> Frame:
    """Rows over all locations of a split and domain."""
    return scores[(scores["split"] == split) & (scores["domain"] == domain) & (scores["location"] == ALL)]


def side(row: Any) -> int:
    """1 or -1 where a difference lies beyond both its intervals; the one over replicates may be unknown."""
    way = beyond((row["low_examples"], row["high_examples"]), (row["low"], row["high"]))
    return {"higher": 1, "lower": -1, "open": 0}[way]


def details(name: str, tables: Mapping[str, Frame], splits: Sequence[str]) -> list[Table]:
    """Single locations, domains and thresholds, folded away."""
    locations = [_locations(name, tables["scores"], split) for split in splits]
    return [*locations, *_domains(name, tables["scores"]), _thresholds(name, tables["thresholds"])]


def scores(name: str, found: Frame, split: str) -> Table:
    """Every score of every method on a split."""
    rows = overall(found, split)
    head = [Column("Prediction")]
    head += [Column(WORDS[m], True, HINTS.get(m, ""), "higher" if up else "lower") for m, up in HIGHER_IS_BETTER.items()]
    caption = f"{name}: scores on {place(split)}; {INTERVALS}"
    return Table(f"{name}-scores-{split.replace(':', '-')}", caption, head, _by_method(rows, "metric", list(HIGHER_IS_BETTER)))


def _by_method(rows: Frame, column: str, keys: Sequence[str]) -> list[Row]:
    """A row a method, a cell for every value of ``column``; teachers last."""
    found = []
    for method, own in rows.groupby("method", sort=False):
        parts: dict[str, Estimate] = {str(k): estimate(each.assign(se=math.nan)) for k, each in own.groupby(column, sort=False)}
        cells = [score(parts[key]) if key in parts else text(NONE) for key in keys]
        found.append(Row([text(method), *cells], last=own["kind"].iloc[0] == "teacher"))
    return found


def differences(name: str, found: Frame, splits: Sequence[str]) -> Table:
    """Every distilled student against labels alone: MCC and NLL on every split."""
    rows = found[(found["domain"] == ALL) & (found["location"] == ALL)]
    head = [Column("Method"), Column("Against")]
    for split in splits:
        head += [
            Column(f"MCC, {place(split)}", True, "in brackets: 95 % over resampled proteins", "higher"),
            Column("over replicates", True, "95 % interval over replicates"),
            Column(f"NLL, {place(split)}", True, "with its interval over replicates", "lower"),
        ]
    lines = []
    for (method, reference), own in rows.groupby(["method", "reference"], sort=False):
        cells = [text(method), text(reference)]
        for split in splits:
            here = own[own["split"] == split].set_index("metric")
            mcc, nll = here.loc["macro_mcc"], here.loc["nll"]
            examples = show_interval(mcc["low_examples"], mcc["high_examples"], True)
            cells += [Cell(show(mcc["difference"], True), examples, mcc["difference"], LOOKS[side(mcc)])]
            cells += [text(show_interval(mcc["low"], mcc["high"], True) or NONE)]
            cells += [Cell(show(nll["difference"], True), show_interval(nll["low"], nll["high"], True), nll["difference"])]
        lines.append(Row(cells))
    caption = (
        f"{name}: students minus labels alone, and tip minus kd, paired by replicate; positive MCC and negative NLL are gains"
    )
    return Table(f"{name}-differences", caption, head, lines)


def _locations(name: str, scores: Frame, split: str) -> Table:
    rows = scores[(scores["split"] == split) & (scores["metric"] == "mcc") & scores["value"].notna()]
    positives = rows.drop_duplicates("location").set_index("location")["n"]
    head = [Column("Prediction"), *(Column(each, True, f"{n:,} proteins", "higher") for each, n in positives.items())]
    caption = f"{name}: MCC of every location on {place(split)}; {INTERVALS}"
    return Table(
        f"{name}-locations-{split.replace(':', '-')}", caption, head, _by_method(rows, "location", list(positives.index))
    )


def _domains(name: str, scores: Frame) -> list[Table]:
    rows = scores[(scores["split"] == TEST) & (scores["location"] == ALL) & (scores["metric"] == "macro_mcc")]
    sizes = rows.drop_duplicates("domain").set_index("domain")["n"]
    if len(sizes) < 2:
        return []
    head = [Column("Prediction"), *(Column(each, True, f"{n:,} test proteins", "higher") for each, n in sizes.items())]
    caption = f"{name}: MCC, mean over locations, by kingdom; {INTERVALS}"
    return [Table(f"{name}-domains", caption, head, _by_method(rows, "domain", list(sizes.index)))]


def _thresholds(name: str, thresholds: Frame) -> Table:
    rows = thresholds.rename(columns={"threshold": "value"})
    positives = rows.drop_duplicates("location").set_index("location")["val_positives"]
    head = [Column("Prediction"), *(Column(each, True, f"{n:,} validation proteins") for each, n in positives.items())]
    caption = f"{name}: thresholds on the probability, those with the largest MCC on validation; mean over replicates"
    return Table(f"{name}-thresholds", caption, head, _by_method(rows, "location", list(positives.index)))
