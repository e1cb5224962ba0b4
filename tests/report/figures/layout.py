"""What is laid over what in a drawn figure, by the boxes of its texts, legends and panels, in pixels."""

from collections.abc import Iterator
from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

TOUCH = 1.5  # pixels that boxes may share: they are larger than their letters


def faults(figure: Figure) -> list[str]:
    """One line for each text that leaves the figure, lies over another text or over a line, or is hidden by a legend."""
    figure.canvas.draw()
    texts = list(_texts(figure))
    return [*_outside(figure, texts), *_over_texts(texts), *_over_lines(figure), *_legends_over_panels(figure)]


def _texts(figure: Figure) -> Iterator[tuple[str, Bbox]]:
    hidden = {id(text) for ax in figure.findobj(Axes) if isinstance(ax, Axes) for text in _hidden(ax)}
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden:
            yield text.get_text().replace("\n", " "), text.get_window_extent()


def _hidden(ax: Axes) -> Iterator[Text]:
    """All texts of a panel that is not shown, and labels of ticks out of view."""
    if not ax.get_visible():
        yield from (text for text in ax.findobj(Text) if isinstance(text, Text))
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        margin = 1e-9 * (high - low)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not low - margin <= tick.get_loc() <= high + margin:
                yield from (tick.label1, tick.label2)


def _outside(figure: Figure, texts: list[tuple[str, Bbox]]) -> list[str]:
    whole = figure.bbox
    return [
        f"outside the figure: {said!r}"
        for said, box in texts
        if box.x0 < whole.x0 - TOUCH or box.x1 > whole.x1 + TOUCH or box.y0 < whole.y0 - TOUCH or box.y1 > whole.y1 + TOUCH
    ]


def _over_texts(texts: list[tuple[str, Bbox]]) -> list[str]:
    return [f"over another text: {one!r} and {two!r}" for (one, a), (two, b) in combinations(texts, 2) if _overlap(a, b)]


def _overlap(one: Bbox, two: Bbox) -> bool:
    shared = Bbox.intersection(one, two)
    return shared is not None and shared.width > TOUCH and shared.height > TOUCH


def _over_lines(figure: Figure) -> list[str]:
    """Texts in a panel, without a box of their own, through which a line of the panel runs."""
    found = []
    for ax in (ax for ax in figure.findobj(Axes) if isinstance(ax, Axes) and ax.get_visible()):
        for text in ax.texts:
            box = text.get_window_extent()
            if text.get_text().strip() and text.get_bbox_patch() is None and _overlap(box, ax.bbox):
                inside = Bbox.from_extents(box.x0 + TOUCH, box.y0 + TOUCH, box.x1 - TOUCH, box.y1 - TOUCH)
                found += [f"over a line: {text.get_text()!r}" for line in ax.lines if _crosses(line, inside)]
    return found


def _crosses(line: Line2D, box: Bbox) -> bool:
    if not line.get_visible() or line.get_linestyle() == "None":
        return False
    path = line.get_transform().transform_path(line.get_path())
    return bool(path.intersects_bbox(box, filled=False))


def _legends_over_panels(figure: Figure) -> list[str]:
    legends = [legend for legend in figure.findobj(Legend) if isinstance(legend, Legend) and legend.axes is None]
    panels = [ax for ax in figure.findobj(Axes) if isinstance(ax, Axes) and ax.get_visible()]
    return [
        f"legend over the panel {ax.get_title('left')!r}"
        for legend in legends
        for ax in panels
        if _overlap(legend.get_window_extent(), ax.bbox)
    ]
