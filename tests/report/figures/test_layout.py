"""No figure writes text over lines, over other text or beyond its edge."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from matplotlib import pyplot as plt

from mtbkd.base.registry import FIGURES
from mtbkd.base.registry import figure as module
from mtbkd.report import page
from mtbkd.report.figures.beyond import beyond, far
from mtbkd.report.figures.lettering import letter
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import INFERENCE_MARKS, SIGNAL_COLOURS, inference_mark, signal_colour, style, wrapped
from mtbkd.report.titles import INFERENCES, SIGNALS
from tests.report.figures.layout import faults
from tests.report.figures.test_drawing import PLANES, material  # noqa: F401 (a fixture)

OWN = [name for name in FIGURES if module(name).SCOPE == "experiment" and name not in PLANES]


@pytest.fixture(autouse=True)
def house_style() -> Iterator[None]:
    with style():
        yield


@pytest.mark.parametrize("name", OWN)
def test_nothing_lies_over_a_text_and_no_text_leaves_the_figure(name: str, material: Material) -> None:  # noqa: F811
    experiment = replace(material.experiment, simulated=name != "boxes")
    figure = module(name).draw(Material(experiment))
    letter(figure)
    assert faults(figure) == []


def test_each_kind_of_fault_is_found() -> None:
    figure, (ax, _) = plt.subplots(1, 2, figsize=(3, 2), layout="none")
    ax.plot([0, 1], [0, 1])
    ax.text(0.5, 0.5, "over the line", ha="center", va="center")
    figure.text(0.97, 0.05, "a text that is too long")
    figure.text(0.3, 0.95, "one over")
    figure.text(0.32, 0.95, "another")
    figure.legend(ax.lines, ["a legend"], loc="center")
    told = "\n".join(faults(figure))
    assert "over a line: 'over the line'" in told and "outside the figure: 'a text that is too long'" in told
    assert "over another text: 'one over' and 'another'" in told and "legend over the panel" in told


def test_a_text_beside_the_line_and_labels_of_ticks_out_of_view_are_no_faults() -> None:
    figure, ax = plt.subplots(figsize=(4, 3))
    ax.plot([0, 1], [0, 1])
    ax.set_xticks([-50, 0, 0.5, 1, 50])
    ax.set_xlim(0, 1)
    ax.text(0.9, 0.1, "beside", ha="center")
    assert faults(figure) == []


def test_signals_and_inferences_have_looks_of_their_own() -> None:
    assert len(set(SIGNAL_COLOURS.values())) == len(SIGNAL_COLOURS)
    assert len(set(INFERENCE_MARKS.values())) == len(INFERENCE_MARKS)
    assert set(SIGNALS) <= set(SIGNAL_COLOURS) and set(INFERENCES) <= set(INFERENCE_MARKS)
    assert signal_colour("mine") not in SIGNAL_COLOURS.values() and inference_mark("mine") not in INFERENCE_MARKS.values()


def test_tables_mark_a_signal_in_the_colour_that_figures_give_it() -> None:
    css = page.render({"entries": []}, "index.html.j2")
    for signal, colour in SIGNAL_COLOURS.items():
        assert f'tr[data-signal="{signal}"] > th:first-child::before {{ background: {colour}; }}' in css


def test_titles_break_between_words_only() -> None:
    assert wrapped("MT-BKD, entropy, SGHMC (last layer)\n(a gate failed)", 19) == (
        "MT-BKD, entropy,\nSGHMC (last layer)\n(a gate failed)"
    )


def test_a_method_far_from_the_others_is_an_arrow_with_its_number() -> None:
    near = {f"m{k}": 0.35 + 0.001 * k for k in range(8)}
    assert far({**near, "bnn": 0.9}) == {"bnn"} and far(near) == set()
    assert far({"a": 0.3, "b": 0.3, "c": 0.9}) == set()  # too few to say which is far
    _, ax = plt.subplots()
    ax.set(xlim=(0, 1), ylim=(1, 0))
    assert not beyond(ax, 0.5, 0.5, "black", "inside") and not beyond(ax, float("nan"), 0.5, "black", "unknown")
    assert beyond(ax, 7.0, 0.5, "black", "7.000") and beyond(ax, 0.5, -3.0, "black", "above")
    found: Any = ax.texts
    right, up = found
    assert (right.get_text(), right.xy, right.get_ha()) == ("7.000", (1, 0.5), "right")
    assert (up.get_text(), up.xy, up.get_va()) == ("above", (0.5, 0), "top")
