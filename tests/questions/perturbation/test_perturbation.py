"""The question of noise on a tiny experiment, and what the report and the figure make of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.questions.perturbation import question as perturbation
from mtbkd.questions.perturbation import section as report
from tests.evaluation.examples import MAP, TIP
from tests.questions.drawn import asked, checked
from tests.questions.images import draws_of, inputs, make_dataset

DATASET = make_dataset()


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """``tip`` grows unsure with noise; ``labels`` is least sure of the noise in the middle."""
    sharp = {"ood:gamma_0": (6.0, 6.0), "ood:gamma_0.5": (2.0, 0.0), "ood:gamma_1": (0.5, 5.0)}
    rising, bent = (np.array([sharp.get(str(s), (6.0, 6.0))[i] for s in DATASET.split]) for i in (0, 1))
    draws = {"labels": draws_of(DATASET, bent, MAP, (1, 1)), "tip": draws_of(DATASET, rising, TIP, (2, 30))}
    return perturbation.run(inputs(DATASET, [], draws), perturbation.Settings())


def test_the_curve_has_every_size_of_noise_and_replicate(tables: dict[str, pd.DataFrame]) -> None:
    curve = tables["curve"]
    assert len(curve) == 2 * 2 * 3 and set(curve["gamma"]) == {0.0, 0.5, 1.0}
    tip = curve[curve["method"] == "tip"].groupby("gamma")["mean_deviance"].mean()
    assert tip[0.0] < tip[0.5] < tip[1.0] < 2 * np.log(3)
    assert set(curve["n"]) == {20}
    # Noise of which nothing is left is told by its label only by luck; the untouched images always.
    assert curve[(curve["method"] == "tip") & (curve["gamma"] == 0)]["accuracy"].min() == 1


def test_detection_is_chance_without_noise_and_points_have_one_measure(tables: dict[str, pd.DataFrame]) -> None:
    found = tables["detection"].groupby(["method", "measure", "split"])["auroc"].mean()
    assert found["tip", "total entropy", "gamma_1"] > 0.95
    assert abs(found["tip", "total entropy", "gamma_0"] - 0.5) < 0.15
    assert set(tables["detection"].query("method == 'labels'")["measure"]) == {"total entropy"}


def test_the_published_curves_are_those_of_the_file(tables: dict[str, pd.DataFrame]) -> None:
    printed = tables["published"].set_index(["column", "gamma"])["mean_deviance"]
    assert printed["kd", 0.4] == 0.80 and printed["bkd_dirichlet", 1.0] == 1.46 and len(printed) == 33


def test_data_without_noise_are_refused() -> None:
    plain = make_dataset(noise=())
    with pytest.raises(ContractError, match=r"ood:gamma_<size>.*set gammas"):
        perturbation.run(inputs(plain, [], {}), perturbation.Settings())


def test_the_report_names_the_methods_whose_uncertainty_rises(tables: dict[str, pd.DataFrame]) -> None:
    section = report.section("noise", tables, {})
    assert "for tip; not for labels." in section.told[0]
    assert "it decreases again for kd and bkd_continuous_categorical" in section.told[1]
    assert [row.cells[0].text for row in section.tables[0].rows if row.last] == [
        "kd", "bkd_dirichlet", "bkd_continuous_categorical",
    ]  # fmt: skip


def test_printed_deviances_stand_beside_the_student_by_kd_at_the_sizes_that_it_has(tables: dict[str, pd.DataFrame]) -> None:
    curve = tables["curve"].replace({"signal": {tables["curve"].query("method == 'labels'")["signal"].iloc[0]: "kd"}})
    found = {
        (v.printed.quantity, v.printed.column): v
        for v in report.section("noise", {**tables, "curve": curve}, {}).versus["bkd_table7"]
    }
    assert len(found) == 33 and {v.printed.column for v in found.values() if v.method} == {"kd"}
    ours = curve[(curve["method"] == "labels") & (curve["gamma"] == 0.5)]["mean_deviance"].mean()
    assert found["0.5", "kd"].ours.mean == pytest.approx(ours) and found["0.5", "kd"].verdict == "not stated"
    assert found["0.4", "kd"].verdict == "not computed" and found["0.5", "bkd_dirichlet"].verdict == "not computed"


@pytest.mark.parametrize(("values", "expected"), [([1, 2, 2.5], True), ([1, 3, 2], False), ([2, 1, 3], False), ([1], False)])
def test_rising_is_smallest_first_and_largest_last(values: list[float], expected: bool) -> None:
    assert report.rises(dict(enumerate(values))) is expected


def test_the_figure_has_ours_and_the_published_side_by_side(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    drawn, spec = checked(asked("perturbation", tables, tmp_path))["perturbation"]
    ours, printed = drawn.axes
    curves = {line.get_label(): line for line in ours.lines}
    assert {"Labels alone, MAP", "MT-BKD, SGLD"} <= curves.keys()
    means = tables["curve"].query("method == 'tip'").groupby("gamma")["mean_deviance"].mean()
    np.testing.assert_allclose(curves["MT-BKD, SGLD"].get_ydata(), means)
    np.testing.assert_allclose([row["mean"] for row in spec["datasets"]["data"] if row["method"] == "tip"], means, rtol=1e-3)
    assert len(printed.lines) == 4  # three curves and the line of equal classes
