"""Teachers' weights: what their pools gain, and who is listened to where."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY, SEQUENTIAL, WIDTH, estimated, plt, signal_colour, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which weights favour the right teacher, and does it help?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Top: what pools of the teachers gain by each kind of weights, without a student; left of the line is better. Bottom: the mean
weight of each teacher by domain; yellow is high. Good weights favour a teacher where it knows the domain.

The x-axis above is the negative log-likelihood with each kind of weights minus that with equal weights (left of zero is
better), for the linear pool (blue) and the logarithmic pool (orange). Dots are means over replicates, bars 95 % intervals
(none if the data are one real set). Below, a column is a teacher in a domain. Label confidence uses labels and is therefore
shown on training examples; validation, density ratio and their product know the domains. The rows below the line are not
weights that anyone sets: they are the responsibilities, the shares that students with the mixture prior assign to the
teachers.
"""
POOLS = {"linear": signal_colour("tip"), "logarithmic": signal_colour("kd")}
CHOSEN = "responsibilities: "


def draw(question: Question) -> "Figure":
    gains, shares = question.table("gains"), question.table("shares")
    names, set_names = list(dict.fromkeys(shares["weights"])), list(dict.fromkeys(gains["weights"]))
    heights = (0.24 * len(set_names) + 0.5, 0.24 * len(names) + 0.9)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, sum(heights) + 0.5), height_ratios=heights)
    students = {name: each.title for name, each in question.students(shares.iloc[:0]).items()}
    _gains(top, gains, [(name, called(name, students)) for name in set_names])
    _shares(figure, bottom, shares, {name: called(name, students) for name in names})
    figure.legend(*top.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def called(name: str, students: Mapping[str, str]) -> str:
    """Weights as the figure calls them; ``students``: id -> title."""
    method = name.removeprefix(CHOSEN)
    return wrapped(f"{students.get(method, method)} (student)", 24) if name.startswith(CHOSEN) else name.replace("_", " ")


def _gains(ax: "Axes", gains: Frame, names: Sequence[tuple[str, str]]) -> None:
    for (pool, colour), shift in zip(POOLS.items(), (-0.15, 0.15), strict=True):
        own = gains[gains["pool"] == pool].set_index("weights")
        for y, (name, _) in enumerate(names):
            row = own.loc[name]
            estimated(ax, row["difference"], y + shift, (row["low"], row["high"]), colour, size=4)
        ax.plot([], [], "o", color=colour, markersize=4, label=f"{pool} pool")
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_yticks(range(len(names)), [words for _, words in names], fontsize=8)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel("NLL minus that with equal weights (nats); left is better")


def _shares(figure: "Figure", ax: "Axes", shares: Frame, names: Mapping[str, str]) -> None:
    domains = [name for name in dict.fromkeys(shares["domain"]) if name != "all"] or ["all"]
    teachers = list(dict.fromkeys(shares["teacher"]))
    mean = shares.groupby(["weights", "domain", "teacher"])["weight"].mean()
    columns = [(domain, teacher) for domain in domains for teacher in teachers]
    values = np.array([[mean.get((name, *column), np.nan) for column in columns] for name in names], float)
    shown = ax.imshow(values, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    for edge in range(len(teachers), len(columns), len(teachers)):
        ax.axvline(edge - 0.5, color="white", linewidth=3)
    students = sum(name.startswith(CHOSEN) for name in names)
    if students:
        ax.axhline(len(names) - students - 0.5, color="white", linewidth=3)
    ax.set_yticks(range(len(names)), list(names.values()), fontsize=7.5)
    ax.set_xticks(range(len(columns)), [_short(teacher, teachers) for _, teacher in columns], rotation=90, fontsize=7.5)
    for number, domain in enumerate(domains):
        at = number * len(teachers) + (len(teachers) - 1) / 2
        ax.annotate(f"on {domain}", (at, -0.5), (0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=8,
                    annotation_clip=False)  # fmt: skip
    ax.set_xlabel("teacher")
    ax.grid(False)
    bar = figure.colorbar(shown, ax=ax, fraction=0.04, pad=0.02)
    bar.set_label("mean weight", fontsize=8)
    bar.ax.tick_params(labelsize=7.5)


def _short(teacher: str, teachers: list[str]) -> str:
    """A teacher's name without what all names begin with."""
    first = teacher.split("_")[0] + "_"
    return teacher.removeprefix(first) if all(name.startswith(first) for name in teachers) else teacher
