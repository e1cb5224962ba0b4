"""One look for all figures, and files that are the same bytes for the same numbers.

Colours are those of Okabe and Ito (2008), distinguishable with every common colour vision. Figures are drawn narrow, so
that their text is still readable on a telephone.
"""

import math
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mtbkd.base.lazy import lazy_import
from mtbkd.base.writing import atomic
from mtbkd.report.figures.lettering import FONT, letter, quiet, spell_out

if TYPE_CHECKING:
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    mpl = lazy_import("matplotlib")
    plt = lazy_import("matplotlib.pyplot")

BLACK, GREY, LIGHT = "#000000", "#6b6b6b", "#d9d9d9"
ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
WIDTH = 5.2  # inches; 350 pixels of a telephone leave 9-point text legible
PNG_DPI = 160
LETTERS = {1: 60, 2: 31, 3: 19}  # of a line of a panel's title, by the number of panels side by side
OCHRE, OLIVE, DARK = "#A6761D", "#8A8A00", "#4d4d4d"
# One colour a signal and one mark an inference, in every figure and table; signals of the reader's own share the last two.
SIGNAL_COLOURS = {
    "none": BLACK, "kd": ORANGE, "kd_mean": OCHRE, "kd_hinton": OLIVE, "tip": BLUE, "pooled": SKY, "power": PURPLE,
    "bkd": GREEN,
}  # fmt: skip
OTHER_COLOURS = ("#7A5195", "#B07AA1")
INFERENCE_MARKS = {
    "map": "o", "laplace": "s", "vi": "D", "advi": "d", "dropout": "P", "ensemble": "X", "sgld": "^", "psgld": "<",
    "csgld": ">", "sghmc": "v", "hmc": "h", "hmc_laplace": "H", "nuts": "*", "smc": "p",
}  # fmt: skip
OTHER_MARK = "8"
MARK_SIZES = {"*": 1.5, "P": 1.1, "X": 1.1, "d": 1.15, "|": 2.0}  # of marks that look smaller than a disc of their size
TEACHERS, SELF = VERMILION, DARK  # teachers, and what a posterior expects of itself
TEACHER_MARK = "|"  # of no inference
CONTROL = GREY  # students that learn nothing from teachers, and what is no method
# What is no signal, such as regimes of teachers, measures or splits: colours that no signal has.
GROUPS = ("#44AA99", "#AA4466", "#6A5ACD", "#9A6324", "#8FB339")
SEQUENTIAL = "cividis"

RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": [FONT],
    "font.size": 9,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",  # text stays text: searchable, sharp, small
    "svg.hashsalt": "mtbkd",
    "text.parse_math": False,  # a class may be named $x$
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw without a display, in the house style; every figure opened inside is closed at the end."""
    mpl.use("Agg")
    before = set(plt.get_fignums())
    try:
        with mpl.rc_context(cast(Any, RC)):
            yield
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def signal_colour(signal: str) -> str:
    """The colour of a signal, the same in every figure."""
    return SIGNAL_COLOURS.get(signal) or OTHER_COLOURS[sum(map(ord, signal)) % len(OTHER_COLOURS)]


def inference_mark(inference: str) -> str:
    """The mark of an inference, the same in every figure."""
    return INFERENCE_MARKS.get(inference, OTHER_MARK)


def signal_css() -> str:
    """CSS of a mark in its signal's colour before the name of a method, in tables whose rows say their signal.

    On dark paper labels alone are white instead of black; the other hues are the same and somewhat lighter.
    """
    row = 'tr[data-signal="{}"] > th:first-child::before'
    shape = 'content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .4em; border-radius: 50%'
    lines = [f"tr[data-signal] > th:first-child::before {{ {shape}; background: var(--soft); }}"]
    lines += [f"{row.format(name)} {{ background: {colour}; }}" for name, colour in SIGNAL_COLOURS.items()]
    lighter = " ".join(
        f"{row.format(name)} {{ background: {'#fff' if colour == BLACK else f'color-mix(in srgb, {colour} 80%, white)'}; }}"
        for name, colour in SIGNAL_COLOURS.items()
    )
    return "\n".join([*lines, f"@media (prefers-color-scheme: dark) {{ {lighter} }}"])


def mark_size(mark: str, size: float) -> float:
    """The size at which ``mark`` looks as large as a disc of ``size`` points."""
    return size * MARK_SIZES.get(mark, 1.0)


def wrapped(text: str, letters: int) -> str:
    """``text`` in lines of at most ``letters``, broken between words; a longer word has a line of its own."""
    return "\n".join(
        "\n".join(textwrap.wrap(line, letters, break_long_words=False, break_on_hyphens=False)) for line in text.split("\n")
    )


def estimated(
    ax: "Axes", x: float, y: float, ends: tuple[float, float], colour: str, mark: str = "o", *, filled: bool = True,
    size: float = 4.5, upright: bool = False, width: float = 1.3, **options: Any,
) -> None:  # fmt: skip
    """A mark at (x, y), hollow if not ``filled``, on a bar between the ``ends`` of its interval; NaN ends: no bar."""
    if all(map(math.isfinite, ends)):
        ax.plot([x, x] if upright else ends, ends if upright else [y, y], color=colour, linewidth=width, solid_capstyle="butt")
    stroke = {"markeredgewidth": 2.0} if mark == TEACHER_MARK else {}
    face = colour if filled else "white"
    ax.plot([x], [y], mark, color=colour, markerfacecolor=face, markersize=mark_size(mark, size), **{**stroke, **options})


def panel_title(ax: "Axes", text: str, columns: int, size: float = 8.0) -> None:
    """The title of one of ``columns`` panels side by side, broken where its neighbour begins."""
    ax.set_title(wrapped(text, LETTERS[columns]), fontsize=size)


def staggered(ax: "Axes", places: Mapping[str, float], colour: str, size: float = 7.0) -> None:
    """Names above a panel at their x, each higher than the one before it, with a thin line down to the panel."""
    for height, (name, x) in enumerate(sorted(places.items(), key=lambda place: place[1])):
        ax.annotate(name, (x, 1.0), (0, 3 + 9 * height), xycoords=("data", "axes fraction"), textcoords="offset points",
                    ha="center", va="bottom", fontsize=size, color=colour,
                    arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 0})  # fmt: skip


def grid(panels: int, columns: int, panel_height: float, **options: Any) -> "tuple[Figure, list[Axes]]":
    """A figure with ``panels`` axes in rows of ``columns``; what is left over is blank."""
    rows = -(-panels // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, panel_height * rows), squeeze=False, **options)
    for ax in axes.flat[panels:]:
        ax.set_visible(False)
    return figure, list(axes.flat[:panels])


def save(figure: "Figure", svg: str | Path, png: str | Path) -> frozenset[str]:
    """Write both files, each whole or not at all, with nothing in them that changes from run to run.

    Returns the letters that no font has, which the PNG shows as codes.
    """
    missing = letter(figure)
    with atomic(svg) as temporary, quiet():
        figure.savefig(temporary, format="svg", dpi=PNG_DPI, metadata={"Date": None, "Creator": "mtbkd"})
    spell_out(figure, missing)
    with atomic(png) as temporary, quiet():
        figure.savefig(temporary, format="png", dpi=PNG_DPI, metadata={"Software": "mtbkd"})
    return missing
