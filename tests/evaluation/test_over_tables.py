"""Comparisons over many tables, against published and hand-made answers."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, wilcoxon

from mtbkd.base.frames import Frame
from mtbkd.evaluation import over_tables
from mtbkd.evaluation.over_tables import (
    COLUMNS,
    Claim,
    comparisons,
    critical_difference,
    friedman,
    levels_of,
    overall,
    overlaps,
    ranks,
    with_level,
)
from tests.evaluation.table_scores import CLAIMS, GROUPS, NONE, SPLITS, table_scores, table_sizes

# Demsar (2006), table 6: AUC of C4.5 and three variants on 14 data sets; he ranks two that print as .975 second and third.
DEMSAR = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967], [0.628, 0.661, 0.654, 0.657],
    [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931], [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625],
    [0.775, 0.838, 0.866, 0.875], [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip
VARIANTS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def demsar_scores() -> Frame:
    rows = pd.DataFrame(DEMSAR, columns=VARIANTS).rename_axis("table").reset_index()
    long = rows.melt("table", var_name="method", value_name="value")
    return long.assign(group="B", regime="one", labels=10, all_labels=False, kind="student", replicate=0, metric="accuracy")


def test_ranks_and_critical_difference_are_those_of_demsar() -> None:
    found = ranks(demsar_scores()).set_index("method")
    assert found["rank"].to_dict() == pytest.approx(dict(zip(VARIANTS, (3.143, 2.0, 2.893, 1.964), strict=True)), abs=5e-4)
    assert critical_difference(14, 4) == pytest.approx(1.25, abs=5e-3)
    assert found["critical_difference"].iloc[0] == critical_difference(14, 4)


@pytest.mark.parametrize(("methods", "q"), [(3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_values_are_those_of_demsars_table_5(methods: int, q: float) -> None:
    assert critical_difference(6, methods) / math.sqrt(methods * (methods + 1) / 36) == pytest.approx(q, abs=1.5e-3)


def test_friedman_is_demsars_statistic_but_for_ties() -> None:
    """Without ties chi2 = 12 N / (k (k + 1)) (sum R^2 - k (k + 1)^2 / 4); with the printed ranks, 9.28."""
    mean = ranks(demsar_scores())["rank"].to_numpy()
    assert 12 * 14 / 20 * ((mean**2).sum() - 25) == pytest.approx(9.28, abs=5e-3)
    untied = np.random.default_rng(0).normal(size=(8, 4))
    placed = untied.argsort(1).argsort(1).mean(0) + 1
    from scipy.stats import chi2

    assert friedman(untied) == pytest.approx(chi2.sf(12 * 8 / 20 * ((placed**2).sum() - 25), 3))
    assert friedman(DEMSAR) < 0.05


def test_two_methods_have_no_friedman_test() -> None:
    assert math.isnan(friedman(DEMSAR[:, :2])) and math.isnan(critical_difference(14, 2))


def test_the_interval_on_one_table_is_the_corrected_resampled_t() -> None:
    scores, sizes = table_scores(levels=["60"], regimes=["clusters"]), table_sizes()
    row = comparisons(scores, CLAIMS, overlaps(sizes)).query(
        "table == 'DNA' and regime == 'clusters' and level == '60' and metric == 'nll' and method == 'tip_equal_sharp' "
        "and reference == 'labels'"
    )
    values = scores.query("table == 'DNA' and regime == 'clusters' and labels == 60 and metric == 'nll'")
    values = values.pivot(index="replicate", columns="method", values="value")
    difference = values["tip_equal_sharp"] - values["labels"]
    half = t.ppf(0.975, SPLITS - 1) * difference.std() * math.sqrt(1 / SPLITS + 200 / 800)
    (found,) = row.to_dict("records")
    assert (found["low"], found["high"]) == pytest.approx((difference.mean() - half, difference.mean() + half))
    assert found["p_value"] == pytest.approx(wilcoxon(difference)[1])
    reach = (t.ppf(0.975, SPLITS - 1) + t.ppf(0.8, SPLITS - 1)) * difference.std() * math.sqrt(1 / SPLITS + 200 / 800)
    assert found["detectable"] == pytest.approx(reach)
    assert found["verdict"] == "better"


def test_over_tables_each_table_is_one_number() -> None:
    per_table = comparisons(table_scores(levels=["60"], regimes=["clusters"]), CLAIMS, overlaps(table_sizes()))
    found = overall(per_table).set_index(["group", "regime", "level", "metric", "method", "reference"])
    row = found.loc[("B", "clusters", "60", "nll", "tip_equal_sharp", "labels")]
    own = per_table.query(
        "group == 'B' and regime == 'clusters' and level == '60' and metric == 'nll' and method == 'tip_equal_sharp' "
        "and reference == 'labels'"
    )["difference"]
    assert row["n"] == len(GROUPS["B"]) == len(own)
    assert row["difference"] == pytest.approx(own.mean()) and row["median"] == pytest.approx(own.median())
    assert row["p_value"] == pytest.approx(2 / 2**9)
    assert row["p_holm"] == pytest.approx(5 * 2 / 2**9), "five methods are compared with labels"
    assert (row["verdict"], row["practical"], row["tables_better"]) == ("better", "better", 9)
    assert found.loc[("B", "clusters", "60", "nll", "tip_equal_sharp", "kd_mean")]["p_holm"] == pytest.approx(2 * 2 / 2**9)


def test_without_an_effect_methods_are_equivalent_and_nothing_is_decided() -> None:
    found = overall(comparisons(table_scores(NONE, noise=0.004, levels=["60", "all"]), CLAIMS, overlaps(table_sizes())))
    decided = (found["verdict"] != "open").mean()
    assert decided < 0.05
    assert set(found["practical"]) == {"equivalent"}


def test_a_difference_of_unknown_size_is_open() -> None:
    found = overall(comparisons(table_scores(NONE, noise=0.3, levels=["60"]), CLAIMS, overlaps(table_sizes())))
    nll = found[found["metric"] == "nll"]
    assert "open" in set(nll["practical"]) and (nll["verdict"] == "open").mean() > 0.9


def test_better_means_a_lower_nll_and_a_higher_accuracy() -> None:
    found = overall(comparisons(table_scores(levels=["60"]), CLAIMS, overlaps(table_sizes())))
    signs = found.groupby("metric")["difference"].agg(["min", "max"])
    assert signs.loc["nll", "max"] < 0 < signs.loc["accuracy", "min"]
    large = (found["reference"] == "labels") & (found["method"] != "self_training")
    assert set(found[large]["practical"]) == {"better"}


def test_a_table_that_a_method_lacks_is_left_out_of_its_pairs_and_the_method_of_the_ranks() -> None:
    scores = table_scores(levels=["60"], regimes=["clusters"])
    scores = scores[~((scores["table"] == "DNA") & (scores["method"] == "kd_mean"))]
    found = overall(comparisons(scores, CLAIMS, overlaps(table_sizes()))).query("group == 'B' and metric == 'nll'")
    counted = found.set_index(["method", "reference"])["n"]
    assert counted[("kd_mean", "labels")] == 8 and counted[("tip_equal", "labels")] == 9
    assert counted[("tip_equal", "kd_mean")] == 8
    placed = ranks(scores).query("group == 'B' and metric == 'nll'")
    assert set(placed["left_out"]) == {"kd_mean"} and "kd_mean" not in set(placed["method"])
    assert set(placed["tables"]) == {9}


def test_a_lost_split_is_left_out_of_the_pair_and_said() -> None:
    scores = table_scores(levels=["60"], regimes=["clusters"])
    scores.loc[(scores["method"] == "tip_equal") & (scores["replicate"] == 3), "value"] = np.nan
    found = comparisons(scores, CLAIMS, overlaps(table_sizes()))
    own = found[(found["method"] == "tip_equal") & (found["reference"] == "labels")]
    assert set(own["n"]) == {SPLITS - 1} and own["note"].str.startswith("1 missing").all()


def test_too_many_claims_for_the_tables_are_said() -> None:
    claims = [Claim("many", f"m{i}", "labels") for i in range(20)]
    scores = table_scores({"labels": 0.0, **{claim.method: 0.3 for claim in claims}}, regimes=["clusters"], levels=["60"])
    found = overall(comparisons(scores, claims, overlaps(table_sizes())))
    found = found[found["group"] == "B"]
    assert (found["verdict"] == "open").all() and found["note"].str.contains("p_holm cannot fall below").all()


def test_all_labels_are_one_level_whatever_their_number() -> None:
    scores = table_scores(regimes=["clusters"])
    scores.loc[scores["all_labels"] & (scores["table"] == "DNA"), "labels"] = 2345
    assert levels_of(with_level(scores)) == ["20", "60", "200", "all"]
    found = overall(comparisons(scores, CLAIMS, overlaps(table_sizes())))
    assert set(found[(found["level"] == "all") & (found["group"] == "B")]["n"]) == {9}


def test_the_tables_have_their_columns_even_without_scores() -> None:
    empty = table_scores().iloc[:0]
    per_table = comparisons(empty, CLAIMS, {})
    for name, frame in (("comparisons", per_table), ("overall", overall(per_table)), ("ranks", ranks(empty))):
        assert list(frame.columns) == COLUMNS[name] and not len(frame)


def test_only_metrics_with_a_region_of_equivalence_are_tested() -> None:
    scores = table_scores(levels=["60"], regimes=["clusters"])
    found = comparisons(pd.concat([scores, scores.assign(metric="ece")]), CLAIMS, overlaps(table_sizes()))
    assert set(found["metric"]) == set(over_tables.TESTED) == {"nll", "accuracy"}
