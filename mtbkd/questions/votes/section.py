"""What the report says of students and people's votes."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.verdict import beyond, verdict
from mtbkd.report.contrasts import SAID
from mtbkd.report.numbers import UNKNOWN, Estimate, count, listed, show, show_estimate
from mtbkd.report.questions import Section
from mtbkd.report.table import Column, Row, Table, score, text

TITLE = "Do students agree with people?"
EXPLAINED = """\
Many people labelled every test image; their votes form a distribution over the classes. Predictions are compared with this
distribution rather than with a single label: a good student is uncertain where people disagree.
"""
# Metric -> head of its column, what it is, and which end is good.
METRICS = {
    "cross_entropy": ("Cross-entropy", "of the votes under the prediction, in nats", "lower"),
    "kl": ("KL divergence", "from the prediction to the votes: cross-entropy less the votes' own entropy", "lower"),
    "squared_error": (
        "Squared error",
        "between class probabilities and vote shares, mean over classes",
        "lower",
    ),
    "shared_choice": ("Shared choice", "share of people who chose the predicted class", "higher"),
    "corr_mean_deviance": (
        "Correlation: deviance",
        "Spearman's, over images, of mean deviance and the votes' entropy",
        "higher",
    ),
    "corr_total_entropy": ("Correlation: total", "the same for the entropy of the mean prediction", "higher"),
    "corr_epistemic_entropy": ("Correlation: epistemic", "the same for the part that more data could remove", "higher"),
    "minority_inside": ("Minority inside", "share of minority choices inside the credible set", "higher"),
    "set_size": ("Set size", "mean number of classes inside the credible set", "lower"),
}
ASKED = {"cross_entropy": "cross-entropy to the votes", "corr_total_entropy": "correlation with the votes' entropy"}


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The answer, the scores, and every difference to labels alone."""
    scores, differences = tables["scores"], tables["differences"]
    shown = _score_table(name, scores, settings)
    return Section(_told(scores, differences, settings), [shown], [_difference_table(name, differences)])


def _told(scores: Frame, differences: Frame, settings: Mapping[str, Any]) -> list[str]:
    told = []
    for metric, words in ASKED.items():
        own = differences[(differences["metric"] == metric) & (differences["kind"] == "student")]
        signals = scores[scores["kind"] == "student"].drop_duplicates("method").set_index("method")["signal"]
        own = own[[signals[method] != "none" for method in own["method"]]]
        if len(own):
            told.append(_compared(own, words, METRICS[metric][2]))
    people = scores[scores["kind"] == "people"].set_index("metric")["value"]
    told.append(
        f"The smallest possible cross-entropy is {show(float(people['cross_entropy']))}, the mean entropy of the votes; "
        f"people agree with their own first choice in {100 * float(people['shared_choice']):.1f} % of the votes."
    )
    told.append(
        f"A minority's choice is a class other than the first with at least {100 * settings['minority_share']:g} % of the "
        f"votes: {show(float(people['minority_classes']))} per image. A larger set contains more of them: read "
        "'minority inside' together with the size of the set."
    )
    return told


def _compared(own: Frame, words: str, better: str) -> str:
    """One sentence: how many distilled students are better and worse than the reference, and the best of them."""
    sign = -1 if better == "lower" else 1
    ends = sign * own[["low", "high"]]
    gain = own.assign(good=sign * own["value"], least=ends.min(axis=1), most=ends.max(axis=1))
    wins, losses = gain[gain["least"] > 0], gain[gain["most"] < 0]
    best = gain.loc[gain["good"].idxmax()]
    reference = str(own["reference"].iloc[0])
    parts = [f"{n} {word}" for n, word in ((len(wins), "better"), (len(losses), "worse")) if n]
    undecided = len(gain) - len(wins) - len(losses)
    parts += [f"{undecided} inconclusive"] if undecided else []
    difference = show_estimate(_estimate(best), signed=True)
    return (
        f"{words[0].upper()}{words[1:]}: of {count(len(own), 'distilled student')}, {listed(parts)} compared with {reference} "
        f"(labels alone), by paired 95 % intervals over images and seeds. The one with the most favourable difference is "
        f"{best['method']}: {difference} ({better} is better)."
    )


def _estimate(row: Mapping[str, Any]) -> Estimate:
    return Estimate(float(row["value"]), float(row["low"]), float(row["high"]), 2, "replicates")


def _score_table(name: str, scores: Frame, settings: Mapping[str, Any]) -> Table:
    head = [Column("Prediction"), *(Column(title, True, hint, better) for title, hint, better in METRICS.values())]
    rows = []
    for method, own in scores[scores["kind"] != "people"].groupby("method", sort=False):
        found = {row["metric"]: _estimate(row) for row in own.to_dict("records")}
        first = own.iloc[0]
        made = " \N{MULTIPLICATION SIGN} ".join(filter(None, (first["signal"], first["weights"], first["inference"])))
        cells = [text(method, made or "teacher"), *(score(found.get(metric, UNKNOWN)) for metric in METRICS)]
        rows.append(Row(cells, last=first["kind"] == "teacher"))
    size = int(scores["images"].max())
    caption = f"{name}: predictions for {size:,} test images compared with human votes; sets of level {settings['level']:g}"
    return Table(f"{name}-scores", caption, head, rows)


def _difference_table(name: str, differences: Frame) -> Table:
    head = [Column("Prediction"), Column("Metric"), Column("Difference", True), Column("Conclusion")]
    rows = []
    for row in differences.to_dict("records"):
        title, _, better = METRICS[row["metric"]]
        rows.append(Row([text(row["method"], row["kind"]), text(title), score(_estimate(row), True), text(_says(row, better))]))
    reference = str(differences["reference"].iloc[0]) if len(differences) else ""
    caption = f"{name}: every prediction minus {reference}, paired, with 95 % intervals over images and seeds"
    return Table(f"{name}-differences", caption, head, rows)


def _says(row: Mapping[str, Any], better: str) -> str:
    way = beyond((row["low"], row["high"]))
    said = SAID[verdict(way, better == "higher")]
    return said if way == "open" else f"{way}: {said}"
