"""Interactive views: legal specifications of Vega-Lite that compile, with the numbers of the tables they are drawn from."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import vl_convert
from altair.vegalite.v6.schema.core import TopLevelSpec

from mtbkd.base.frames import write_table
from mtbkd.base.registry import FIGURES, view, view_name
from mtbkd.evaluation.intervals import interval
from mtbkd.report.figures import interactive, plane, planes, weights_plane
from mtbkd.report.figures.interactive_plane import MOST
from mtbkd.report.figures.material import Material, Question, Sibling, Study
from mtbkd.report.figures.style import INFERENCE_MARKS, OTHER_MARK
from tests.report.figures.test_drawing import CHAINS, material  # noqa: F401 (a fixture)
from tests.report.figures.test_planes import material as on_plane  # noqa: F401 (a fixture)

OF_EXPERIMENTS = (
    "metrics", "coverage", "coverage_levels", "reliability", "maps", "lambda_curve", "training", "rank", "ess",
)  # fmt: skip
OF_PLANES = ("planes", "weights_plane")


def seen(name: str, shown: Any) -> dict[str, Any]:
    """The view ``name`` as its file holds it, legal and compiled."""
    made = view(name)
    assert made is not None
    spec = json.loads(json.dumps(made.interactive(shown), allow_nan=False))
    TopLevelSpec.validate(spec)
    compiled = vl_convert.vegalite_to_vega(spec)
    assert {each["name"] for each in compiled["signals"]} >= {"shown"}
    return spec


def table(spec: dict[str, Any], name: str = "data") -> Any:
    return pd.DataFrame(spec["datasets"][name])


def near(found: Any, expected: Any) -> None:
    """Equal but for the digits that views leave out."""
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=10.0 ** (1 - interactive.DIGITS))


def test_every_view_is_tested_here() -> None:
    found = {name for name in FIGURES if view_name(name)}
    assert found == {*OF_EXPERIMENTS, *OF_PLANES, "gains", "label_curve", "pools"}


@pytest.mark.parametrize("name", OF_EXPERIMENTS)
def test_a_view_is_legal_and_the_filter_knows_its_methods(material: Material, name: str) -> None:  # noqa: F811
    spec = seen(name, material)
    known = spec["usermeta"]["methods"]
    assert known and set(known) <= set(material.experiment.methods)
    assert all(known[method]["signal"] == material.experiment.methods[method].signal for method in known)
    for rows in spec["datasets"].values():
        assert len({tuple(sorted(row)) for row in rows}) <= 1, "rows of a table have the same keys"


def test_scores_are_those_of_the_table(material: Material) -> None:  # noqa: F811
    spec = seen("metrics", material)
    rows = table(spec).set_index(["metric", "method"])
    scores: Any = material.whole("metrics")
    for (metric, method), row in rows.iterrows():
        own = scores[(scores["metric"] == metric) & (scores["method"] == method)]["value"]
        near(row["mean"], own.mean())
        assert row["n"] == len(own)
    assert not rows.xs("tip_sgld", level="method")["passed"].any() and rows.xs("labels_map", level="method")["passed"].all()
    assert "diverged" in rows.xs("tip_sgld", level="method")["gates"].iloc[0]
    assert set(table(spec, "references")["label"]) == {"best teacher", "teachers' mean", "ceiling"}
    near(
        table(spec, "replicates").groupby("panel")["value"].mean()["nll"],
        scores[scores["metric"] == "nll"]["value"][scores["kind"] == "student"].mean(),
    )


def test_coverage_is_that_of_the_tables(material: Material) -> None:  # noqa: F811
    curves: Any = material.whole("curves")
    for _, row in table(seen("coverage", material)).iterrows():
        own = curves[(curves["method"] == row["method"]) & np.isclose(curves["level"], row["level"])]
        near([row["mean"], row["own"]], [own["coverage"].mean(), own["coverage_self"].mean()])
    scores: Any = material.whole("metrics")
    rows = table(seen("coverage_levels", material))
    assert set(rows["method"]) == {"tip_sgld", "kd_vi"}
    for _, row in rows.iterrows():
        own = scores[(scores["method"] == row["method"]) & (scores["metric"] == f"coverage@{row['panel']}")]
        near(row["mean"], own["value"].mean())


def test_reliability_has_a_row_a_bin_and_teachers_that_no_filter_leaves_out(material: Material) -> None:  # noqa: F811
    rows, bins = table(seen("reliability", material)), material.whole("reliability")
    shown = bins[bins["method"].isin([*material.experiment.methods, "teachers:mean", "teachers:best"])]
    assert len(rows) == len(shown.groupby(["method", "bin"]))
    near(rows[rows["method"] == "kd_vi"]["mean"], shown[shown["method"] == "kd_vi"].groupby("bin")["accuracy"].mean())
    assert set(rows[rows["method"].isna()]["title"]) == {"Teachers' mean", "Best teacher"}


def test_maps_hold_each_place_once_and_the_deviance_of_every_method(material: Material) -> None:  # noqa: F811
    spec = seen("maps", material)
    points, panels = table(spec, "points"), table(spec, "panels")
    examples: Any = material.table("examples")
    examples = examples[examples["replicate"] == examples["replicate"].min()]
    assert 0 < len(points) <= MOST
    key = panels[panels["method"] == "kd_vi"]["key"].iloc[0]
    own = examples[(examples["method"] == "kd_vi") & (examples["split"] == "test")]
    near(points[key], own["mean_deviance"])
    near(points["x1"], material.dataset.x[0, own["row"], 0])


def test_lambda_curves_are_of_validation_scores(material: Material) -> None:  # noqa: F811
    spec, tuning = seen("lambda_curve", material), material.table("tuning")
    rows = table(spec)
    place = int(
        next(name for name, kin in spec["usermeta"]["belongs"].items() if kin["method"] == "kd_vi").removeprefix("panel")
    )
    own = tuning[tuning["method"] == "kd_vi"].groupby("lambda")
    first = rows[rows["panel"] == place].set_index("lambda")
    near(first["mean"], own["val_nll"].mean())
    assert list(first["chosen"]) == list(own["chosen"].sum())


def test_training_curves_are_the_medians_and_their_starts(material: Material) -> None:  # noqa: F811
    rows = table(seen("training", material))
    own = rows[(rows["method"] == "kd_vi") & rows["label"].str.startswith("median")]
    curve = material.draws("kd_vi").curves[-1]
    near(own["value"], np.nanmedian(curve.best, axis=0))
    assert list(own["step"]) == curve.step.tolist() and rows["label"].nunique() == 1 + curve.value[..., 0].size


def test_ranks_of_chains_that_agree_differ_little_from_uniform(material: Material) -> None:  # noqa: F811
    spec = seen("rank", material)
    ranks, traces = table(spec, "ranks"), table(spec, "traces")
    assert ranks["chain"].nunique() == CHAINS == traces["chain"].nunique()
    draws = material.draws("tip_sgld").log_posterior[0, 1]
    own = traces[(traces["quantity"] == "log posterior") & (traces["chain"] == "2")]
    near(own["value"], draws[own["draw"].to_numpy() - 1])
    assert ranks["difference"].abs().max() < 1 and ranks["rank"].between(0, 1).all()


@pytest.mark.parametrize(("name", "part"), [("planes", planes), ("weights_plane", weights_plane)])
def test_planes_hold_every_panel(on_plane: Material, name: str, part: Any) -> None:  # noqa: F811
    at = plane.rows(on_plane)
    expected = part.panels(on_plane) if part is planes else part.panels(on_plane, at)
    spec = seen(name, on_plane)
    points, panels = table(spec, "points"), table(spec, "panels").set_index("panel")
    for each in expected:
        near(points[panels.loc[each.title.replace("\n", ", "), "key"]], each.values)


def test_gains_are_those_of_the_comparisons(material: Material) -> None:  # noqa: F811
    place = material.experiment.evaluation
    spec = seen("gains", Study({"exp": asdict(Sibling("d", "s", [], list(material.experiment.methods), place))}))
    compared = material.table("comparisons")
    compared = compared[(compared["split"] == "test") & (compared["domain"] == "all") & (compared["metric"] == "nll")]
    near(table(spec).set_index("method")["mean"].sort_index(), compared.set_index("method")["difference"].sort_index())
    assert spec["usermeta"]["belongs"] == {"panel0": {"experiment": "exp"}}


def test_label_curves_are_means_over_replicates(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "curve": "c", "teachers": teachers, "method": method, "signal": signal, "weights": "", "inference": "map",
            "kind": kind, "replicate": replicate, "labels": labels, "all_labels": labels, "transfer": True, "metric": metric,
            "value": 0.5 + labels / 1000 + replicate / 100, "se": 0.1, "n": 100,
        }
        for teachers, method, signal, kind in (
            ("none", "labels_map", "none", "student"), ("good", "kd_map", "kd", "student"),
            ("good", "teachers:mean", "", "teacher"), ("none", "bayes", "", "ceiling"),
        )
        for replicate in range(3)
        for labels in (20, 200)
        for metric in ("accuracy", "nll")
    )  # fmt: skip
    write_table(rows, tmp_path / "scores.parquet")
    spec = seen("label_curve", Question("q", "curves", {}, {"scores": str(tmp_path / "scores.parquet")}))
    found = table(spec)
    assert len(found) == 2 * 2 * 2 and set(spec["usermeta"]["methods"]) == {"labels_map", "kd_map"}
    expected = interval([0.52, 0.53, 0.54])
    near(found[(found["labels"] == 20)][["mean", "low", "high"]], [[expected.mean, expected.low, expected.high]] * 4)


@pytest.mark.parametrize("mark", [*INFERENCE_MARKS.values(), OTHER_MARK])
def test_every_mark_of_an_inference_has_a_shape(mark: str) -> None:
    assert mark in interactive.SHAPES


def test_numbers_are_rounded_and_what_is_not_finite_is_missing() -> None:
    values = [1 / 3, 123456.789, float("nan"), np.float32("inf"), np.int64(3), True, "x", None]
    assert [interactive.rounded(value) for value in values] == [0.3333, 123500.0, None, None, 3, True, "x", None]


def test_a_views_colours_and_marks_are_those_of_the_figures(material: Material) -> None:  # noqa: F811
    text = json.dumps(seen("coverage_levels", material))
    methods = material.experiment.methods
    for name in ("tip_sgld", "kd_vi"):
        assert json.dumps(interactive.SHAPES[INFERENCE_MARKS[methods[name].inference]]) in text
        assert interactive.signal_colour(methods[name].signal) in text
