"""The toy posterior of the paper's Fig. 2, and what every figure owes to a reader."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mtbkd.figures import FIGURES, toy
from mtbkd.figures.catalogue import Entry, catalogue, module
from mtbkd.figures.material import Experiment, Method, Study

CAPTIONS = Path(__file__).parents[2] / "workflow" / "report"
THETA = np.linspace(-3, 11, 20_001)


def modes(density: np.ndarray) -> int:
    return int(((density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])).sum())


@pytest.mark.parametrize(("precision", "expected"), [(1.0, 2), (2.0, 1)])
def test_the_mixture_posterior_is_bimodal_at_precision_one_and_not_at_two(precision: float, expected: int) -> None:
    assert modes(toy.mixture_posterior(THETA, precision)) == expected


@pytest.mark.parametrize("precision", [0.5, 1.0, 2.0])
def test_the_closed_forms_are_prior_times_likelihood(precision: float) -> None:
    likelihood = np.exp(-0.5 * precision * (THETA - toy.DATA_MEAN) ** 2)
    components = np.exp(-0.5 * (THETA[:, None] - toy.PRIOR_MEANS) ** 2)
    for posterior, prior in (
        (toy.mixture_posterior(THETA, precision), components.sum(1)),
        (toy.log_pool_posterior(THETA, precision), np.sqrt(components.prod(1))),
    ):
        expected = prior * likelihood / np.trapezoid(prior * likelihood, THETA)
        np.testing.assert_allclose(posterior, expected, atol=1e-8)


@pytest.mark.parametrize("part", [module(name) for name in FIGURES], ids=FIGURES)
def test_a_figure_says_what_it_is_and_how_to_read_it(part: ModuleType) -> None:
    assert part.TITLE and part.CATEGORY and part.SCOPE in ("experiment", "study")
    assert len(part.CAPTION.split()) > 40
    name = part.__name__.rpartition(".")[2]
    assert (CAPTIONS / f"{name}.rst").read_text() == part.CAPTION.strip() + "\n"


def experiment(name: str, simulated: bool, features: tuple[int, ...], *kinds: str) -> Experiment:
    methods = {f"m{i}": Method("tip", "entropy", kind, kind) for i, kind in enumerate(kinds)}
    return Experiment(name, name, name, simulated, features, ("t1", "t2"), methods, "", "", {})


def test_which_figures_apply_is_known_before_anything_is_computed() -> None:
    plane = experiment("plane", True, (2,), "point", "chains", "independent")
    real = experiment("real", False, (471,), "point", "point")
    found = catalogue([plane, real], Study())
    names = {each: {e.figure for e in found if e.experiment == each} for each in ("plane", "real", None)}
    assert {"maps", "rank", "ess", "forest", "coverage"} <= names["plane"] and "boxes" not in names["plane"]
    assert "boxes" in names["real"] and not {"maps", "rank", "coverage"} & names["real"]
    assert names[None] == {"toy"}
    assert Entry("sbc", None) in catalogue([], Study(exact={"m0": "folder"}))
    assert Entry("maps", "plane").stem == "plane-maps" and Entry("toy", None).stem == "toy"
