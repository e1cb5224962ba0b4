"""Whom each multi-teacher method listens to, domain by domain."""

from typing import TYPE_CHECKING

from mtbkd.questions.baselines import BASELINES
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import SEQUENTIAL, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Share of each teacher by domain"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
The share of each teacher in the student's training target, by domain of the training examples, for every method that weights
teachers; yellow is high. A good weighting is bright where a teacher meets the domain it was trained on.

Shares are averaged over replicates and over the training examples of a domain. A column is a domain and a teacher; the shares
within a domain sum to 1 in every row. A weighting that finds the right expert is bright where a teacher meets the domain it
was trained on. Equal numbers along a row mean that the method does not distinguish the teachers there. Bright cells in a
foreign domain mean that a teacher is trusted because it is confident, not because it is right. Methods whose weights vary only
by label or by minibatch have nearly the same shares in all domains.
"""
DARK = 0.55  # shares below are drawn in dark colours
MANY = 12  # columns from which on the numbers are written smaller


def draw(question: Question) -> "Figure":
    weights = question.table("weights")
    known = dict(question.table("costs").set_index("method")["title"])
    domains = [name for name in dict.fromkeys(weights["domain"]) if name != "all"] or ["all"]
    means = weights.groupby(["method", "domain", "teacher"], sort=False)["weight"].mean()
    methods = [method for method in BASELINES if method in set(weights["method"])]
    teachers = list(dict.fromkeys(weights["teacher"]))
    figure, axes = plt.subplots(1, len(domains), figsize=(WIDTH, 0.27 * len(methods) + 1.2), squeeze=False, sharey=True)
    for ax, domain in zip(axes[0], domains, strict=True):
        values = [[float(means.get((method, domain, teacher), float("nan"))) for teacher in teachers] for method in methods]
        image = ax.imshow(values, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
        _write(ax, values, 6.5 if len(domains) * len(teachers) < MANY else 5.2)
        ax.set_title("all examples" if domain == "all" else domain, fontsize=8)
        ax.set_xticks(range(len(teachers)), teachers, rotation=60, ha="right", fontsize=7)
        ax.grid(visible=False)
    axes[0, 0].set_yticks(range(len(methods)), [known[method] for method in methods])
    figure.suptitle("training examples of the domain" if domains != ["all"] else "", fontsize=8.5)
    figure.colorbar(image, ax=axes, label="share of the teacher", shrink=0.8)
    return figure


def _write(ax: "Axes", values: list[list[float]], size: float) -> None:
    """Every share in its cell."""
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            colour = "white" if value < DARK else "black"
            ax.text(x, y, f"{value:.2f}".lstrip("0"), ha="center", va="center", fontsize=size, color=colour)
