"""Names of classes, domains and methods as figures show them: as they are, in a font that has their letters, cut where they
are so long that no room would be left for the figure.
"""

import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT = "DejaVu Sans"  # comes with matplotlib
WORD, TICK = 40, 40  # letters of a word, of a line of a tick's label; longer ones lose their middle
SHOWN = 8  # letters that a caption lists


def legible(text: str) -> str:
    """``text`` with long words cut and control characters, which neither fonts nor XML have, as U+0007."""
    shown = "".join(_code(letter) if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in _one_break(text))
    return re.sub(rf"\S{{{WORD + 1},}}", lambda word: _cut(word[0], WORD), shown)


def legible_label(text: str) -> str:
    """A tick's label: its lines are cut, too."""
    return "\n".join(_cut(line, TICK) for line in legible(text).split("\n"))


def coded(text: str, missing: frozenset[str]) -> str:
    """``text`` with the letters that no font has as their code points, 'U+4E2D 6587', in place of empty boxes."""
    if not missing.intersection(text):
        return text
    letters = "".join(map(re.escape, sorted(missing)))
    return re.sub(f"[{letters}]+", lambda run: "U+" + " ".join(f"{ord(letter):04X}" for letter in run[0]), text)


def letter(figure: "Figure") -> frozenset[str]:
    """Make every text of ``figure`` legible, with further fonts where needed; returns the letters that no font has."""
    _rewrite(figure, legible, legible_label)
    foreign = _letters(figure) - _known(FONT)
    if not foreign:
        return frozenset()
    fonts, missing = _further_fonts(frozenset(foreign))
    for text in _texts(figure):
        text.set_fontfamily([FONT, *fonts])
    for axis in _axes(figure):
        axis.set_tick_params(labelfontfamily=[FONT, *fonts])
    return missing


def remark(missing: frozenset[str]) -> str:
    """For the caption: which letters the bitmap shows as codes; empty where it shows all."""
    listed = ", ".join(f"{letter} as {coded(letter, missing)}" for letter in sorted(missing)[:SHOWN])
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    return f"The PNG shows letters that no font had by their codes: {listed}{more}." if missing else ""


def spell_out(figure: "Figure", missing: frozenset[str]) -> None:
    """Write the ``missing`` letters as code points: for bitmaps. In an SVG the reader's own fonts show them."""
    if missing:
        _rewrite(figure, lambda text: coded(text, missing), lambda text: coded(text, missing))


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out matplotlib's warning for every single letter that a font lacks."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        yield


def _one_break(text: str) -> str:
    return re.sub(r"\r\n?|[\t\v\f\u2028\u2029\x85]", " ", text)


def _code(letter: str) -> str:
    return letter if letter == "\n" else f"U+{ord(letter):04X}"


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    end = most * 2 // 5
    return f"{text[: most - end - 1]}\N{HORIZONTAL ELLIPSIS}{text[-end:]}"


def _texts(figure: "Figure") -> Iterable[Any]:
    from matplotlib.text import Text

    return figure.findobj(Text)


def _axes(figure: "Figure") -> Iterator[Any]:
    """Every axis whose labels are words and not numbers."""
    from matplotlib.axes import Axes
    from matplotlib.ticker import LogFormatter, NullFormatter, ScalarFormatter

    for ax in cast(Any, figure.findobj(Axes)):
        for axis in (ax.xaxis, ax.yaxis):
            if not isinstance(axis.get_major_formatter(), LogFormatter | NullFormatter | ScalarFormatter):
                yield axis


def _labels(axis: Any) -> list[str]:
    return axis.get_major_formatter().format_ticks(axis.get_majorticklocs())


def _letters(figure: "Figure") -> set[str]:
    found = {letter for text in _texts(figure) for letter in text.get_text()}
    return (found | {letter for axis in _axes(figure) for label in _labels(axis) for letter in label}) - {"\n"}


def _rewrite(figure: "Figure", each: Callable[[str], str], label: Callable[[str], str]) -> None:
    """Rewrite what changes under ``each``, and under ``label`` at ticks; what does not stays untouched."""
    for axis in _axes(figure):
        before = _labels(axis)
        after = list(map(label, before))
        if before != after:
            axis.set_ticks(axis.get_majorticklocs(), after)
    for text in _texts(figure):
        if (shown := each(text.get_text())) != text.get_text():
            text.set_text(shown)


@cache
def _known(path_or_name: str) -> frozenset[str]:
    """The letters of a font."""
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path_or_name if "/" in path_or_name else findfont(path_or_name))
        return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):  # a font of the system that is damaged or of an unknown format
        return frozenset()


@cache
def _further_fonts(foreign: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """Fonts of the system that have the ``foreign`` letters, and the letters that none has."""
    from matplotlib.font_manager import fontManager

    missing, chosen = set(foreign), []
    upright = {font.name: font.fname for font in fontManager.ttflist if (font.style, font.variant) == ("normal", "normal")}
    upright = {name: path for name, path in upright.items() if not name.startswith("Last Resort")}  # boxes for all letters
    for name in sorted(upright, key=lambda name: ("Sans" not in name, name)):
        if missing and (found := missing & _known(upright[name])):
            chosen.append(name)
            missing -= found
    return chosen, frozenset(missing)
