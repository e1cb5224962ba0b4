"""The surest and the least sure images of a tiny experiment."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd.base.frames import write_table
from mtbkd.contracts.artefacts import Dataset
from mtbkd.report.figures import extremes
from mtbkd.report.figures.material import Experiment, Material, Method
from mtbkd.report.figures.style import style
from tests.questions.images import make_dataset

METHODS = {"tip_sgld": Method("tip", "entropy", "sgld", "chains")}


def material(folder: Path, dataset: Dataset) -> Material:
    """Test image i has mean deviance i / 100; every tenth is taken for the next class."""
    dataset.write(folder / "data")
    rows = dataset.rows("test")
    y = dataset.y[0, rows]
    wrong = np.arange(len(rows)) % 10 == 0
    table = pd.DataFrame({
        "method": "tip_sgld", "replicate": 0, "row": rows, "id": dataset.ids[rows], "split": "test", "y": y,
        "domain": "" if dataset.domain is None else np.array(dataset.domain_names)[dataset.domain[0, rows]],
        "prediction": np.where(wrong, (y + 1) % 3, y), "mean_deviance": np.arange(len(rows)) / 100,
    })  # fmt: skip
    (folder / "out").mkdir()
    write_table(table, folder / "out" / "examples.parquet")
    known = Experiment("e", "toy", "toy", False, (3, 4, 4), ("t",), METHODS, str(folder / "out"), str(folder / "data"), {})
    return Material(known)


def test_each_domain_has_its_surest_and_its_least_sure(tmp_path: Path) -> None:
    dataset = make_dataset()
    found = extremes.strips(material(tmp_path, dataset))
    assert list(found) == ["left: sure", "left: unsure", "right: sure", "right: unsure"]
    assert [p.deviance for p in found["left: sure"]] == [0, 0.02, 0.04, 0.06, 0.08, 0.1]
    assert found["right: unsure"][-1].deviance == 0.59
    first, row = found["left: sure"][0], dataset.rows("test")[0]
    assert first.label == dataset.class_names[dataset.y[0, row]] != first.prediction  # every tenth is wrong
    assert first.image.shape == (4, 4, 3) and 0 <= first.image.min() <= first.image.max() <= 1


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_values_from_either_range_fill_the_grey_scale(tmp_path: Path, low: float) -> None:
    dataset = make_dataset()
    x = np.random.default_rng(0).uniform(low, 1, dataset.x[:, :, :1].shape).astype(np.float32)
    grey = Dataset(**{**vars(dataset), "x": x, "domain": None, "domain_names": ()})
    found = extremes.strips(material(tmp_path, grey))
    assert list(found) == ["sure", "unsure"]
    row = grey.rows("test")[0]
    np.testing.assert_allclose(found["sure"][0].image, (x[0, row, 0] - min(0, x.min())) / (1 - min(0, x.min())), atol=1e-6)


def test_a_wrong_prediction_is_marked_in_words_and_colour(tmp_path: Path) -> None:
    with style():
        figure = extremes.draw(material(tmp_path, make_dataset()))
        titles = [ax.title for ax in figure.axes]
        marked = [title for title in titles if "\N{MULTIPLICATION SIGN}" in title.get_text()]
        assert len(titles) == 4 * extremes.SHOWN and marked
        assert {title.get_color() for title in marked} == {extremes.VERMILION}
        assert all(ax.images for ax in figure.axes)


def test_it_is_for_images_only() -> None:
    def of(*features: int) -> Experiment:
        return Experiment("e", "toy", "toy", False, features, ("t",), METHODS, "", "", {})

    assert extremes.applies(of(3, 8, 8)) and extremes.applies(of(1, 28, 28))
    assert not extremes.applies(of(471)) and not extremes.applies(of(2, 8, 8)) and not extremes.applies(of())
