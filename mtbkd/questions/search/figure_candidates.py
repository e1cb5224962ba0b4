"""How near each candidate of a search comes to the published numbers."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from mtbkd.questions.search.candidates import RANKED
from mtbkd.report.figures.lettering import TICK
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import DARK, GREY, WIDTH, estimated, plt, wrapped
from mtbkd.report.numbers import setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Which settings come closest to the paper?"
SCOPE = "question"
CATEGORY = "Search"
CAPTION = """\
The distance of each candidate from the published numbers, the closest at the top: left is nearer. Filled: the candidate that
the experiments use.

A candidate is a combination of settings that the paper does not state; settings that all candidates share are left out. The
distance is a root mean square difference over all published numbers: of teachers, in the units of the numbers; of students,
divided by the standard deviation of one published run, so that the paper's own settings would have a distance of 1 (the grey
line). Many candidates that differ little cannot be told apart.
"""
MOST = 15


class Candidate(NamedTuple):
    """A candidate: its rank, its settings in words, its distance, and whether the experiments use it."""

    rank: int
    words: str
    distance: float
    configured: bool


def shown(question: Question, most: int = MOST) -> list[Candidate]:
    """The closest candidates, and the configured one wherever it stands."""
    rows = question.table("candidates")
    rows = rows[rows["part"] == RANKED] if "part" in rows else rows
    ordered: Any = rows.drop_duplicates("candidate").sort_values(["distance", "candidate"]).to_dict("records")
    settings = [json.loads(row["settings"]) for row in ordered]
    varied = [key for key in settings[0] if len({str(own.get(key)) for own in settings}) > 1]
    return [
        Candidate(rank, _words(own, varied), row["distance"], bool(row["configured"]))
        for rank, (row, own) in enumerate(zip(ordered, settings, strict=True), 1)
        if rank <= most or row["configured"]
    ]


def _words(settings: dict[str, Any], keys: list[str]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {setting(settings[key])}" for key in keys if key in settings) or "as configured"


def unit(question: Question) -> tuple[str, bool]:
    """What a distance is, and whether the paper's own settings would have a distance of 1."""
    students = question.settings["subject"] == "students"
    return ("distance (1: the paper's own)" if students else "root mean square difference"), students


def draw(question: Question) -> "Figure":
    candidates, (told, of_one) = shown(question), unit(question)
    names = [wrapped(f"{each.rank}. {each.words}", TICK) for each in candidates]
    lines = sum(name.count("\n") + 1 for name in names)
    figure, ax = plt.subplots(figsize=(WIDTH, 0.7 + 0.15 * lines + 0.08 * len(names)))
    if of_one:
        ax.axvline(1, color=GREY, linewidth=0.8)
    nothing = (float("nan"), float("nan"))
    for y, each in enumerate(candidates):
        estimated(ax, each.distance, y, nothing, DARK, filled=each.configured, size=5)
    ax.set_yticks(range(len(names)), names, fontsize=7.5)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.margins(x=0.08)
    figure.supxlabel(f"{told}; left is nearer", fontsize=9)
    return figure
