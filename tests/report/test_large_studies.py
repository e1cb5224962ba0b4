"""Figures and report of many replicates show aggregates and read what they show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd.base.frames import write_table
from mtbkd.report import reading
from mtbkd.report.figures.material import BY_DOMAIN, Experiment, Material
from mtbkd.report.figures.metrics import MOST_DOTS, few


def test_up_to_a_hundred_replicates_are_dots_and_more_are_as_many_quantiles() -> None:
    some = np.random.default_rng(0).normal(size=MOST_DOTS)
    assert few(some) is some
    many = few(np.append(np.random.default_rng(1).normal(size=10_000), np.nan))
    assert len(many) == MOST_DOTS and (np.diff(many) > 0).all()
    assert many.mean() == pytest.approx(0, abs=0.05) and many.std() == pytest.approx(1, abs=0.05)


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    kinds = {"a": "student", "b": "student", "t": "teacher"}
    rows = [
        {"method": method, "kind": kind, "split": "test", "domain": domain, "metric": metric, "value": 0.5}
        for method, kind in kinds.items()
        for domain in ("all", "left")
        for metric in ("accuracy", "nll")
    ]
    for name in (*BY_DOMAIN, "tuning"):
        write_table(pd.DataFrame(rows), tmp_path / f"{name}.parquet")
    return tmp_path


@pytest.mark.parametrize(("published", "kept"), [(None, 10), ("mtbkd_table1", 12)])
def test_of_single_domains_the_report_holds_teachers_and_accuracy_and_what_is_compared_with_a_paper(
    evaluation: Path, published: str | None, kept: int
) -> None:
    found = reading.read_one(str(evaluation), "metrics", reading.shown({"published": published}))
    of_domain = found[found["domain"] == "left"]
    assert len(found) == kept and (of_domain["metric"] == "accuracy").sum() == 3
    assert set(of_domain.loc[of_domain["kind"] == "teacher", "metric"]) == {"accuracy", "nll"}


def test_the_table_of_all_scores_is_made_of_every_domain_method_by_method(evaluation: Path) -> None:
    first, second = reading.by_method(str(evaluation), ["a", "b"])
    assert set(first["method"]) == {"a"} and len(first) == len(second) == 4


def test_figures_read_the_long_tables_without_single_domains(evaluation: Path) -> None:
    experiment = Experiment(
        name="e", dataset="d", kind="k", simulated=True, features=(), teachers=(), methods={}, evaluation=str(evaluation),
        data="", draws={},
    )  # fmt: skip
    material = Material(experiment)
    assert all(set(material.table(name)["domain"]) == {"all"} for name in BY_DOMAIN)
    assert set(material.table("tuning")["domain"]) == {"all", "left"}
