"""Names in figures are drawn as they stand: no mathematics, no empty boxes, no name that leaves no room for the figure."""

import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.report.figures import lettering
from mtbkd.report.figures.catalogue import catalogue, draw
from mtbkd.report.figures.lettering import coded, legible, legible_label
from mtbkd.report.figures.material import Study
from mtbkd.report.figures.style import save, style
from tests.evaluation.examples import SPLIT, TIP, make_dataset, make_draws, run
from tests.report.figures.test_drawing import material as material  # a fixture

NAMES = {
    "mathematics": r"$\foo$",
    "dollars": "$5-$10",
    "one dollar": "5 $",
    "markup": "<script>alert(1)</script>&amp;",
    "percent": "50 %_of_^{all}",
    "backslash": r"\textbf{a}",
    "Chinese": "\u4e2d\u6587",
    "Arabic": "\u0639\u0631\u0628\u064a",
    "Thai": "\u0e44\u0e17\u0e22",
    "emoji": "\U0001f600 \U0001f40d",
    "control": "a\x07b\x00c",
    "surrogate": "a\ud800b",
}


@pytest.fixture(autouse=True)
def house_style() -> Iterator[None]:
    with style():
        yield


@pytest.fixture
def no_further_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has nothing but the font of matplotlib."""
    monkeypatch.setattr(lettering, "_further_fonts", lambda foreign: ([], foreign))


def labelled(name: str) -> Figure:
    """The name wherever a figure may have one."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(5, 3))
    left.plot([0, 1], label=name)
    left.set_title(name)
    left.annotate(name, (0.5, 0.5))
    left.set_xticks([0, 1], [name, "other"])
    right.bar([name, "other"], [1, 2])
    right.set_ylabel(name)
    figure.legend(loc="outside upper center")
    figure.suptitle(name)
    return figure


def written(figure: Figure, folder: Path) -> list[str]:
    """The texts of the SVG; any warning fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(figure, folder / "a.svg", folder / "a.png")
    assert (folder / "a.png").stat().st_size > 1000
    return ["".join(each.itertext()) for each in ElementTree.parse(folder / "a.svg").iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_stands_in_the_figure_as_it_is(name: str, tmp_path: Path, no_further_fonts: None):
    texts = written(labelled(name), tmp_path)
    assert texts.count(legible(name)) == 7, texts
    if name not in (NAMES["control"], NAMES["surrogate"]):
        assert legible(name) == name


def test_numbers_of_logarithmic_axes_stay_numbers(tmp_path: Path):
    figure, ax = plt.subplots()
    ax.plot([1, 10, 100], [1, 2, 3])
    ax.set_xscale("log")
    ax.set_xticks([1, 10, 100], ["1", "10", "100"])
    assert {"1", "10", "100"} <= set(written(figure, tmp_path))


def test_control_characters_are_shown_by_their_codes():
    assert legible("a\x07b\x00") == "aU+0007bU+0000" and legible("a\tb\r\nc") == "a b c" and legible("a\nb") == "a\nb"


def test_bitmaps_show_the_codes_of_letters_that_no_font_has(tmp_path: Path, no_further_fonts: None):
    figure = labelled("x \u4e2d\u6587")
    assert "x \u4e2d\u6587" in written(figure, tmp_path)  # the reader's fonts show it
    shown = {text.get_text() for text in figure.findobj(Text)}
    assert "x U+4E2D 6587" in shown and not any("\u4e2d" in text for text in shown)


def test_the_caption_says_which_letters_a_bitmap_shows_as_codes(tmp_path: Path, no_further_fonts: None):
    missing = save(labelled("x \u4e2d\u6587"), tmp_path / "a.svg", tmp_path / "a.png")
    assert lettering.remark(missing).endswith("codes: \u4e2d as U+4E2D, \u6587 as U+6587.")
    assert lettering.remark(frozenset(map(chr, range(0x4E00, 0x4E0A)))).endswith("\u4e07 as U+4E07 and 2 more.")
    assert lettering.remark(save(labelled("x"), tmp_path / "b.svg", tmp_path / "b.png")) == ""


def test_a_font_of_the_system_is_used_where_it_has_the_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lettering, "_further_fonts", lambda foreign: (["DejaVu Serif"], frozenset()))
    figure = labelled("\u4e2d")
    assert "\u4e2d" in written(figure, tmp_path)
    texts = [text for text in figure.findobj(Text) if text.get_text() == "\u4e2d"]
    assert len(texts) >= 7 and all(text.get_fontfamily() == ["DejaVu Sans", "DejaVu Serif"] for text in texts)


def test_fonts_of_the_system_are_searched_for_letters():
    fonts, missing = lettering._further_fonts(frozenset({"\u2a0c", "\U000e1234"}))  # an integral sign of STIX, no letter at all
    assert fonts and missing == {"\U000e1234"}


def test_coded_leaves_other_letters_alone():
    assert coded("a\u4e2db]^\\-", frozenset("\u4e2d")) == "aU+4E2Db]^\\-" and coded("ab", frozenset("\u4e2d")) == "ab"


def test_long_names_lose_their_middle():
    name = "a" * 60 + "b" * 60
    assert legible(name) == "a" * 23 + "\N{HORIZONTAL ELLIPSIS}" + "b" * 16 and len(legible(name)) == 40
    assert legible("short words " * 20) == "short words " * 20
    assert legible_label("ab " * 30 + "\nnext") == ("ab " * 8)[:23] + "\N{HORIZONTAL ELLIPSIS}" + ("ab " * 6)[-16:] + "\nnext"


def test_long_names_leave_room_for_the_figure(tmp_path: Path):
    figure, ax = plt.subplots(figsize=(5.2, 3))
    ax.barh(["x" * 100, "y " * 50], [1, 2])
    written(figure, tmp_path)
    assert ax.get_position().width > 0.2


def test_a_study_with_such_names_is_drawn_whole(material, tmp_path: Path, no_further_fonts: None):
    own = make_dataset(2, 0)
    names = tuple(f"{' '.join(NAMES[kind] for kind in ('mathematics', 'Chinese', 'markup', 'control'))} {i}" for i in range(3))
    dataset = Dataset(own.name, own.x, own.y, own.split, names, own.ids, own.domain, (names[0], names[1]), own.true_prob)
    dataset.write(tmp_path / "data")
    logits = Logits("good", 2 * own.x, np.ones(len(SPLIT), bool), ids_digest(own.ids))
    logits.write(tmp_path / "good")
    draws = make_draws(dataset, [0, 1], 0.3, TIP, shape=(2, 60))
    run(tmp_path, {"tip_sgld": {"r0-1": draws}}, {"r0-1": tmp_path / "data"}, {"good": {"r0-1": tmp_path / "good"}})
    known = material.experiment
    experiment = replace(
        known, teachers=("good",), methods={"tip_sgld": known.methods["tip_sgld"]}, evaluation=str(tmp_path / "out"),
        data=str(tmp_path / "data"), draws={"tip_sgld": str(tmp_path / "tip_sgld-r0-1.nc")},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")
        (owner,) = catalogue([experiment], Study(), [])
        draw(asdict(owner), tmp_path / "figures", [owner.stem(name) for name in owner.figures])
    drawn = sorted((tmp_path / "figures").glob("*.svg"))
    assert len(drawn) > 5 and all(ElementTree.parse(path) for path in drawn)
    texts = "".join(path.read_text(encoding="utf-8") for path in drawn)
    assert "MT-BKD" in texts
