"""The toy posterior of the paper's Fig. 2, and what every figure owes to a reader."""

import re
from collections.abc import Callable
from dataclasses import asdict, fields
from html import unescape

import numpy as np
import pytest
from docutils.core import publish_parts
from jinja2 import Template

from mtbkd.base.registry import FIGURES, figure
from mtbkd.questions.exact import figure_toy as toy
from mtbkd.questions.exact.cases import Case, toy_bimodal, toy_log_pool
from mtbkd.report.figures.catalogue import Owner, as_template, catalogue
from mtbkd.report.figures.material import Experiment, Method, Question, Sibling, Study


def modes(density: np.ndarray) -> int:
    return int(((density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])).sum())


@pytest.mark.parametrize(("precision", "expected"), [(1.0, 2), (2.0, 1)])
def test_the_mixture_posterior_is_bimodal_at_precision_one_and_not_at_two(precision: float, expected: int) -> None:
    assert modes(toy.on_grid(toy.linear_pool(toy.THETA), precision)) == expected


@pytest.mark.parametrize("precision", [0.5, 1.0, 2.0])
def test_the_grid_gives_the_closed_forms(precision: float) -> None:
    """Components N((m_g + precision 3.5) / (1 + precision), 1 / (1 + precision)), weighted by how well g foresaw the data."""
    weight = toy.normal(toy.PRIOR_MEANS, toy.DATA_MEAN, 1 + 1 / precision)
    mean = (toy.PRIOR_MEANS + precision * toy.DATA_MEAN) / (1 + precision)
    mixture = toy.normal(toy.THETA[:, None], mean, 1 / (1 + precision)) @ (weight / weight.sum())
    np.testing.assert_allclose(toy.on_grid(toy.linear_pool(toy.THETA), precision), mixture, atol=1e-5)
    pooled = toy.normal(toy.THETA, mean.mean(), 1 / (1 + precision))
    np.testing.assert_allclose(toy.on_grid(toy.log_pool(toy.THETA), precision), pooled, atol=1e-5)


@pytest.mark.parametrize(("case", "pool"), [(toy_bimodal, toy.linear_pool), (toy_log_pool, toy.log_pool)])
def test_our_samplers_draw_what_the_grid_says(case: Callable[[], Case], pool: Callable[[np.ndarray], np.ndarray]) -> None:
    """Shares of the right hump agree; 8,000 draws of chains that mix in tens of steps err by about .01."""
    density, draws = toy.on_grid(pool(toy.THETA), 1.0), toy.sampled(case())
    assert set(draws) == {"SMC", "SGLD"}
    mean = np.trapezoid(toy.THETA * density, toy.THETA)
    for values in draws.values():
        assert abs((values > toy.CUT).mean() - toy.share_above(density)) < 0.03
        assert abs(values.mean() - mean) < 0.06


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_what_it_is_and_how_to_read_it(name: str) -> None:
    part = figure(name)
    assert part.TITLE and part.CATEGORY and part.SCOPE in ("experiment", "study", "question")
    assert len(part.CAPTION.split()) > 40
    assert part.SCOPE != "study" or part.READS in ("", *(field.name for field in fields(Study)))


@pytest.mark.parametrize("caption", [*(figure(name).CAPTION for name in FIGURES), "|p - q|, *2* `x_`, a_ {{b}} {% c %} \\d"])
def test_a_caption_is_no_markup_in_snakemakes_report(caption: str) -> None:
    """Snakemake renders it by Jinja, then by docutils."""
    caption = " ".join(caption.split())
    html = publish_parts(Template(as_template(caption)).render(), writer="html")["body"]
    assert unescape(re.sub(r"<[^>]+>", "", html)).split() == caption.split()


def experiment(name: str, simulated: bool, features: tuple[int, ...], *kinds: str) -> Experiment:
    methods = {f"m{i}": Method("tip", "entropy", kind, kind) for i, kind in enumerate(kinds)}
    return Experiment(name, name, name, simulated, features, ("t1", "t2"), methods, "", "", {}, classes=2)


def test_which_figures_apply_is_known_before_anything_is_computed() -> None:
    plane = experiment("plane", True, (2,), "point", "chains", "independent")
    real = experiment("real", False, (471,), "point", "point")
    names = {owner.of: set(owner.figures) for owner in catalogue([plane, real], Study(), [])}
    assert {"maps", "rank", "ess", "forest", "coverage", "coverage_size"} <= names["plane"] and "boxes" not in names["plane"]
    assert {"planes", "weights_plane"} <= names["plane"] and not {"planes", "weights_plane"} & names["real"]
    assert "boxes" in names["real"] and not {"maps", "rank", "coverage"} & names["real"]
    assert set(names) == {"plane", "real"}
    votes = Question("people", "votes", {}, {})
    assert [(each.of, each.figures) for each in catalogue([], Study(), [votes])] == [("people", ("votes",))]


PRINTED = {
    name: asdict(Sibling("d", "s", teachers, ["labels_map", "m"], "", "mtbkd_table1_sim1"))
    for name, teachers in (("a", ["t1"]), ("b", ["t2"]))
}


def test_figures_of_the_whole_study_share_an_owner_where_they_read_the_same_and_are_told_no_more() -> None:
    found = catalogue([], Study(PRINTED), [Question("judged", "exact", {}, {})])
    assert [(each.key, each.figures, each.shown) for each in found[1:]] == [
        ("study_experiments", ("quality_methods", "gains"), Study(experiments=PRINTED)),
        ("study", ("toy",), Study()),
    ]
    assert (found[0].key, found[0].figures) == ("question_judged", ("sbc",))
    order = list(FIGURES)
    assert [n for each in found[1:] for n in each.figures] == sorted((n for e in found[1:] for n in e.figures), key=order.index)
    for owner in [*found, *catalogue([experiment("plane", True, (2,), "chains")], Study(), [])]:
        assert Owner.from_dict(asdict(owner)) == owner
        assert owner.stem("maps") == (f"{owner.of}-maps" if owner.of else "maps")
