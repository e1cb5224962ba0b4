"""What every figure shows of a small experiment whose tables are known: each reads its numbers off the drawn artists."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtbkd.base.frames import write_table
from mtbkd.base.registry import FIGURES
from mtbkd.base.registry import figure as module
from mtbkd.contracts.artefacts import Logits, ids_digest
from mtbkd.contracts.draws import Curve
from mtbkd.evaluation.deviance import entropy
from mtbkd.report.figures.catalogue import catalogue, draw, endings
from mtbkd.report.figures.material import Experiment, Material, Method, Sibling, Study
from mtbkd.report.figures.reliability import TEACHER_TITLES
from mtbkd.report.figures.style import inference_mark, style
from tests.evaluation.examples import MAP, SPLIT, TIP, make_dataset, make_draws, run

CURVE = Curve("ELBO", np.array([0, 10, 100]), np.array([[[0, 2, 3], [1, 3, 4]], [[3, 3, 5], [9, 9, np.nan]]], np.float32))
VI = {"signal": "kd", "weights": "equal", "inference": "vi", "seed": 3}
CHAINS, DRAWS = 4, 120
PLANES = ("planes", "weights_plane", "extremes")  # of two features and two classes, or of images: tests of their own


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Two replicates; tip's first chain diverged in replicate 0, so that it failed a gate."""
    folder = tmp_path_factory.mktemp("figures")
    dataset = make_dataset(2, 0)
    dataset.write(folder / "data")
    covered = np.ones(len(SPLIT), bool)
    logits = {}
    for teacher, scale in (("good", 2.0), ("bad", 0.0)):
        Logits(teacher, scale * dataset.x, covered, ids_digest(dataset.ids)).write(folder / teacher)
        logits[teacher] = {"r0-1": folder / teacher}
    draws = {
        "labels_map": make_draws(dataset, [0, 1], 1.0, MAP, shape=(1, 1)),
        "tip_sgld": make_draws(dataset, [0, 1], 0.3, TIP, shape=(CHAINS, DRAWS), diverged=[(0, 0)]),
        "kd_vi": make_draws(dataset, [0, 1], 0.6, VI, shape=(1, DRAWS)),
    }
    draws["kd_vi"].curves.append(CURVE)
    run(folder, {name: {"r0-1": each} for name, each in draws.items()}, {"r0-1": folder / "data"}, logits)
    methods = {
        "labels_map": Method("none", "", "map", "point"),
        "tip_sgld": Method("tip", "equal", "sgld", "chains", {"lambda": [1.0, 2.0]}),
        "kd_vi": Method("kd", "equal", "vi", "independent", {"lambda": [1.0, 2.0]}),
    }
    files = {name: str(folder / f"{name}-r0-1.nc") for name in draws}
    known = Experiment(
        "exp", "tiny", "tiny", True, (2,), ("good", "bad"), methods, str(folder / "out"), str(folder / "data"), files
    )
    # The tuning table of a real fit names the prior's scale and the accuracy as well.
    path = folder / "out" / "tuning.parquet"
    tuning = Material(known).table("tuning")
    write_table(tuning.assign(prior_scale=1.0, val_accuracy=0.9 - tuning["lambda"] / 10), path)
    return Material(known)


@pytest.fixture(autouse=True)
def house_style() -> Iterator[None]:
    with style():
        yield


def panel(figure: Figure, title: str) -> Axes:
    (found,) = [ax for ax in figure.axes if title in (ax.get_title(), ax.get_title("left"))]
    return found


def unbroken(text: str) -> str:
    return text.replace("\n", " ")


def dots(ax: Axes, marker: str = "o") -> list[tuple[float, float, bool]]:
    """(x, y, hollow) of every single dot, in drawing order."""
    found = [line for line in ax.lines if line.get_marker() == marker and len(np.atleast_1d(line.get_xdata())) == 1]
    return [(float(*line.get_xdata()), float(*line.get_ydata()), line.get_markerfacecolor() == "white") for line in found]


def test_scores_are_drawn_at_their_means_and_a_failed_method_is_hollow(material: Material) -> None:
    figure = module("metrics").draw(material)
    rows = material.whole("metrics")
    ax = panel(figure, "Negative log-likelihood")
    assert ax.get_xlabel() == "nats; smaller is better"
    nll = rows[rows["metric"] == "nll"].groupby("method")["value"].mean()
    expected = [nll[name] for name in material.experiment.methods]
    marked = [dot for mark in ("o", "^", "D") for dot in dots(ax, mark)]  # MAP, SGLD, VI
    assert [x for x, _, _ in marked] == pytest.approx(expected)
    assert [hollow for _, _, hollow in marked] == [name in material.failed for name in material.experiment.methods]
    assert "tip_sgld" in material.failed
    assert any(np.allclose(line.get_xdata(), nll["bayes"]) for line in ax.lines)


def test_coverage_is_drawn_against_level_with_its_expectation(material: Material) -> None:
    figure = module("coverage").draw(material)
    curves = material.whole("curves")
    assert len([ax for ax in figure.axes if ax.get_visible()]) == 2  # a point estimate has no interval
    for name in ("tip_sgld", "kd_vi"):
        title = material.experiment.titles[name] + ("\n(a gate failed)" if name in material.failed else "")
        ax, rows = panel(figure, title), curves[curves["method"] == name]
        expected = rows.groupby("level")[["coverage", "coverage_self"]].mean()
        mark = inference_mark(material.experiment.methods[name].inference)
        (measured,) = [line for line in ax.lines if line.get_marker() == mark]
        np.testing.assert_allclose(measured.get_ydata(), expected["coverage"])
        assert any(np.array_equal(line.get_ydata(), expected["coverage_self"]) for line in ax.lines)


def test_reliability_has_one_dot_a_bin(material: Material) -> None:
    figure = module("reliability").draw(material)
    rows = material.whole("reliability")
    for name in (*material.experiment.methods, "teachers:best", "teachers:mean"):
        expected = rows[rows["method"] == name].groupby("bin")[["confidence", "accuracy"]].mean()
        method = material.experiment.methods.get(name)
        title, mark = TEACHER_TITLES.get(name), "o"
        if method:
            title, mark = material.experiment.titles[name], inference_mark(method.inference)
        (ax,) = [ax for ax in figure.axes if unbroken(ax.get_title("left")).startswith(str(title))]
        inside = expected[expected["accuracy"] >= ax.get_ylim()[0]]
        assert len(inside) or not method
        np.testing.assert_allclose([(x, y) for x, y, _ in dots(ax, mark)], inside)
        assert len(ax.texts) == len(expected) - len(inside)  # arrows


def test_maps_show_the_truth_and_every_methods_deviance(material: Material) -> None:
    deviance, epistemic = module("maps").panels(material)
    assert [each.title for each in deviance] == ["truth", "labels_map", "tip_sgld", "kd_vi"]
    assert [each.title for each in epistemic] == ["tip_sgld", "kd_vi"]
    rows = material.dataset.rows("test")
    np.testing.assert_allclose(deviance[0].values, 2 * entropy(material.dataset.true_prob[0, rows]))
    figure = module("maps").draw(material)
    drawn = [
        ax.collections[0].get_array() for sub in figure.subfigs for ax in sub.axes if ax.get_visible() and ax.get_title("left")
    ]
    assert len(drawn) == 6
    np.testing.assert_allclose(drawn[3], deviance[3].values)


def test_boxes_are_sorted_by_their_medians(material: Material) -> None:
    groups = module("boxes").grouped(material)
    assert list(groups) == ["test against outside examples", "test examples by domain", "test examples by class"]
    assert list(groups["test against outside examples"]) == ["test", "ood:far"]  # far examples are vague
    figure = module("boxes").draw(material)
    for ax, values in zip(figure.axes, groups.values(), strict=True):
        medians = [
            float(line.get_xdata()[0]) for line in ax.lines if len(set(line.get_xdata())) == 1 and line.get_linewidth() == 2
        ]
        assert medians == pytest.approx([np.median(each) for each in values.values()])
        assert medians == sorted(medians)


def test_training_curves_are_drawn_with_their_starts_and_late_gain(material: Material) -> None:
    figure = module("training").draw(material)
    (curve,) = material.draws("kd_vi").curves
    ax = panel(figure, "KD, equal, VI")
    np.testing.assert_array_equal([line.get_ydata() for line in ax.lines[:-1]], curve.value.reshape(-1, 3))
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [2.0, 3.0, 4.5])  # of best starts 1, 3, 4 and 3, 3, 5
    assert "ELBO\nlast tenth: +" in ax.get_xlabel()
    assert ax.get_xlabel().endswith(f"{100 * curve.late_gain:+.1f} %")
    assert panel(figure, "Labels alone, MAP").texts[0].get_text() == "no curve"


@pytest.mark.parametrize(("name", "legend"), [("rank", [f"chain {c + 1}" for c in range(CHAINS)]), ("ess", None)])
def test_convergence_is_shown_of_the_chains(material: Material, name: str, legend: list[str] | None) -> None:
    figure = module(name).draw(material)
    assert figure._suptitle is not None and figure._suptitle.get_text() == "MT-BKD, equal, SGLD"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == (legend or ["400, below which the gate fails"])
    assert not any(ax.texts for ax in figure.axes)  # nothing is written over the lines
    titles = {ax.get_title("left").partition(", p =")[0] for ax in figure.axes} - {""}
    assert titles == {"log posterior", *(f"p at example {i}" for i in material.draws("tip_sgld").probe_index)}


def test_the_forest_holds_every_posterior(material: Material) -> None:
    figure = module("forest").draw(material)
    assert [unbroken(text.get_text()) for text in figure.axes[0].get_yticklabels()] == ["MT-BKD, equal, SGLD", "KD, equal, VI"]
    kept = material.draws("kd_vi").probe_prob[0, 0, :, :, -1]
    drawn = np.concatenate([np.concatenate([c.get_offsets()[:, 0] for c in ax.collections] or [[]]) for ax in figure.axes])
    lines = np.concatenate([np.asarray(line.get_xdata(), float) for ax in figure.axes for line in ax.lines] or [[]])
    assert all(np.isclose(np.concatenate([drawn, lines]), mean, atol=1e-6).any() for mean in kept.mean(0))


def test_coverage_by_level_shows_measured_and_self_expected(material: Material) -> None:
    figure = module("coverage_levels").draw(material)
    rows = material.whole("metrics")
    ax = panel(figure, "level 0.9")
    for name, (x, _, hollow) in zip(("tip_sgld", "kd_vi"), [*dots(ax, "^"), *dots(ax, "D")], strict=True):
        own = rows[rows["method"] == name].groupby("metric")["value"].mean()
        assert x == pytest.approx(own["coverage@0.9"]) and hollow == (name in material.failed)
        assert any(np.allclose(line.get_xdata(), own["coverage_self@0.9"]) for line in ax.lines)


def test_coverage_by_size_ends_at_all_test_examples(material: Material) -> None:
    figure = module("coverage_size").draw(material)
    curves, table = material.whole("curves"), material.table("coverage_size")
    assert set(table["size"]) == {60}  # fewer than the smallest subset
    left = panel(figure, "MT-BKD, equal, SGLD" + ("\n(a gate failed)" if "tip_sgld" in material.failed else ""))
    ends = sorted(float(line.get_ydata()[-1]) for line in left.lines if line.get_marker() == "o")
    own = curves[(curves["method"] == "tip_sgld") & curves["level"].isin([0.85, 0.9])]
    assert ends == pytest.approx(sorted(own.groupby("level")["coverage"].mean()))


def test_the_lambda_curve_is_of_validation_scores_and_counts_who_chose_what(material: Material) -> None:
    figure = module("lambda_curve").draw(material)
    loss, accuracy = figure.axes[:2]
    assert loss.get_title("left") == "MT-BKD, equal, SGLD"
    for ax, expected in ((loss, [2, 3]), (accuracy, [0.8, 0.7])):  # val_nll = 1 + lambda, val_accuracy = .9 - lambda / 10
        (curve,) = [line for line in ax.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(curve.get_xdata(), [1, 2])
        np.testing.assert_allclose(curve.get_ydata(), expected)
    assert "2\N{MULTIPLICATION SIGN}" in {text.get_text() for text in loss.texts}  # both replicates chose lambda = 1


def test_a_line_of_the_lambda_curve_is_at_its_best_over_what_else_was_tuned() -> None:
    part = module("lambda_curve")
    grid = [(lam, s, t, r) for lam in (1, 2) for s in (0.5, 2.0) for t in (1.0, 2.0) for r in (0, 1)]
    rows = [
        {"method": "tip", "replicate": r, "lambda": lam, "prior_scale": s, "student_temperature": t, "temperature": 1.0,
         "val_nll": lam + s + abs(t - lam), "val_accuracy": 0.9 - lam / 10 - t / 100, "chosen": (lam, s, t) == (1, 0.5, 1)}
        for lam, s, t, r in grid
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    method = Method("tip", "equal", "map", "point", {"lambda": [1, 2], "prior_scale": [0.5, 2], "student_temperature": [1, 2]})
    known = Experiment("e", "e", "e", True, (2,), (), {"tip": method, "twin": method}, "", "", {})
    shown = part.rows(known, pd.concat([table, table.assign(method="twin")]))
    assert [(row.title, row.setting) for row in shown] == [
        (known.titles["tip"], "prior_scale"), (known.titles["tip"], "student_temperature"),
    ]  # fmt: skip
    line = part.points(table[table["prior_scale"] == 2], part.settings_of(table))
    assert [point.scores["val_nll"].mean for point in line] == [3, 4]  # at its best, the temperature equals lambda
    assert [point.scores["val_accuracy"].mean for point in line] == pytest.approx([0.79, 0.68])
    assert [point.chosen for point in line] == [0, 0]


def test_the_strength_lies_along_the_axis_where_it_is_given_and_sharpnesses_are_lines() -> None:
    part = module("lambda_curve")
    pairs = [(kappa, lam) for kappa in (0.1, 1.0) for lam in (kappa, 5.0)]
    rows = [
        {"method": "tip", "replicate": r, "kappa": kappa, "lambda": lam, "no_teacher": w0, "prior_scale": 1.0,
         "val_nll": kappa + lam / 10 + w0, "val_accuracy": 0.9 - lam / 100, "chosen": (kappa, lam, w0) == (0.1, 0.1, 0)}
        for kappa, lam in pairs for w0 in (0.0, 0.1) for r in (0, 1)
    ]  # fmt: skip
    method = Method("tip", "equal", "map", "point", {"kappa": [0.1, 1], "lambda": ["kappa", 5.0], "no_teacher": [0, 0.1]})
    known = Experiment("e", "e", "e", True, (2,), (), {"tip": method}, "", "", {})
    assert part.applies(known)
    shown = part.rows(known, pd.DataFrame(rows))
    assert [(row.setting, row.strength) for row in shown] == [("lambda", "kappa"), ("no_teacher", "kappa")]
    lines = {value: part.points(own, part.settings_of(own), "kappa") for value, own in shown[0].table.groupby("lambda")}
    assert set(lines) == {"5", "kappa"}
    assert [point.scores["val_nll"].mean for point in lines["kappa"]] == pytest.approx([0.11, 1.1])
    assert [point.chosen for point in lines["kappa"]] == [2, 0]
    figure, ax = part.plt.subplots()
    part._panel(ax, shown[0], "val_accuracy", {})
    assert {"lambda = 5", "lambda = kappa"} <= {text.get_text() for text in ax.texts}
    part.plt.close(figure)


PAPER = {"e": asdict(Sibling("d", "s", [], [], "", "mtbkd_table1_sim1"))}


def test_owners_draw_their_figures_with_captions_in_the_order_of_the_report(material: Material, tmp_path: Path) -> None:
    real = replace(material.experiment, name="real", simulated=False)
    found = catalogue([material.experiment, real], Study(experiments=PAPER), [])
    stems = [owner.stem(name) for owner in found for name in owner.figures]
    for owner in found:
        draw(asdict(owner), tmp_path, stems)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{owner.stem(name)}.{end}" for owner in found for name in owner.figures for end in endings(name)
    }
    files = [f"{stem}.svg" for stem in stems]
    own = [name for name in FIGURES if module(name).SCOPE == "experiment" and name not in PLANES]
    of = {
        name: [f"{name}-{figure}.svg" for figure in own if figure != skipped]
        for name, skipped in (("exp", "boxes"), ("real", "maps"))
    }
    assert files == [*of["exp"], *of["real"], "toy.svg"]
    for file in files:
        assert (tmp_path / file).read_text().rstrip().endswith("</svg>")
        assert (tmp_path / file).with_suffix(".png").stat().st_size > 5000
