"""MCC of every location under every method, beside labels alone and the teachers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import Interval, interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.report.figures.style import (
    BLACK,
    GREY,
    TEACHER_MARK,
    TEACHERS,
    WIDTH,
    inference_mark,
    mark_size,
    plt,
    signal_colour,
)  # fmt: skip
from mtbkd.report.titles import Student

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "How well is each location predicted?"
SCOPE = "question"
CATEGORY = "Several labels"
CAPTION = """\
How well each location is predicted from the sequence: Matthews' correlation (0 is guessing, 1 perfect) on test proteins.
Distillation helped where orange or blue lies to the right of black, which is labels alone.

Each row is a location, with its number of test proteins; the first row is the mean over locations. Marks are students, as
means over replicates with 95 % intervals: black is trained on labels alone, orange on labels and the weighted mean of the
teachers, blue with the teacher-informed prior, light colours with equal weights. A disc is a point estimate, another mark
draws from a posterior. The threshold of each location was chosen on validation proteins. The upright red mark is the mean of
the teachers' probabilities; the pale red bar spans the worst to the best teacher. All replicates share the test proteins, so
locations with few proteins are more uncertain than the interval over replicates suggests.
"""
LIGHTER = 0.5  # opacity of students with equal weights


def draw(question: Any) -> "Figure":
    rows, students = rows_of(question), list(question.students(question.table("scores")).values())
    height = 0.07 * len(students) + 0.12
    figure, ax = plt.subplots(figsize=(WIDTH, 1.5 + height * len(rows) + 0.17 * len(students) / 2))
    for place, (_, own) in enumerate(rows):
        _row(ax, own, students, float(place))
    ax.set_yticks(range(len(rows)), [label for label, _ in rows])
    ax.set_ylim(len(rows) - 0.45, -0.55)
    for edge in range(len(rows)):
        ax.axhline(edge + 0.5, color=BLACK if edge == 0 else "#e6e6e6", linewidth=0.8 if edge == 0 else 0.6)
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_xlabel("Matthews correlation (0: guessing, 1: perfect)")
    ax.grid(axis="y", visible=False)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=7.5)
    return figure


def rows_of(question: Any) -> list[tuple[str, Frame]]:
    """Label of a row -> its scores on the whole test split: the mean over locations, then every location."""
    scores = question.table("scores")
    test = scores[(scores["split"] == "test") & (scores["domain"] == "all")]
    single = test[(test["metric"] == "mcc") & test["value"].notna()]
    names = single.drop_duplicates("location").sort_values("n", ascending=False).to_dict("records")
    rows = [("mean over locations", test[(test["metric"] == "macro_mcc") & (test["location"] == "all")])]
    return rows + [(f"{row['location']} ({row['n']})", single[single["location"] == row["location"]]) for row in names]


def _row(ax: "Axes", own: Frame, students: Sequence[Student], place: float) -> None:
    step = 0.72 / max(1, len(students))
    teachers = own[(own["kind"] == "teacher") & own["method"].str.startswith("teacher:")]["value"]
    mean = own[own["method"] == "teachers:mean"]["value"]
    label = place == 0
    if len(teachers):
        ax.plot([teachers.min(), teachers.max()], [place, place], color=TEACHERS, alpha=0.25, linewidth=9, zorder=0.5,
                solid_capstyle="butt", label="teachers, worst to best" if label else None)  # fmt: skip
    if len(mean):
        ax.plot(mean.iloc[0], place, TEACHER_MARK, color=TEACHERS, markersize=11, markeredgewidth=2, zorder=0.7,
                linestyle="none", label="teachers' mean" if label else None)  # fmt: skip
    for order, student in enumerate(students):
        rows = own[own["method"] == student.method]
        if not len(rows):
            continue
        found: Interval = interval(rows["value"], range_of(str(rows["metric"].iloc[0])))
        height = place + (order - (len(students) - 1) / 2) * step
        colour, mark = signal_colour(student.signal), inference_mark(student.inference)
        alpha = LIGHTER if rows["weights"].iloc[0] == "equal" else 1.0
        ax.plot([found.low, found.high], [height, height], color=colour, linewidth=1.1, alpha=alpha)
        ax.plot(
            found.mean,
            height,
            mark,
            color=colour,
            alpha=alpha,
            markersize=mark_size(mark, 3.4),
            label=student.title if label else None,
        )
