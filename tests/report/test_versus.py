"""Published beside ours: when numbers may be compared, and what is said of them."""

import pytest

from mtbkd.published import tables as published
from mtbkd.report.numbers import Estimate
from mtbkd.report.versus import judge


def test_every_table_has_a_source_and_every_source_a_table() -> None:
    for name in published.names():
        assert published.source(name).table == name
    assert {"mtbkd_table1_sim1", "mtbkd_table2_sim2", "bkd_table4"} <= set(published.names())


def test_the_papers_first_table_is_read_as_printed() -> None:
    found = {(n.quantity, n.column): n.value for n in published.numbers("mtbkd_table1_sim1")}
    assert found["acc_overall", "tip_entropy"] == 0.83
    assert found["mse_p", "kd_equal"] == 0.08


@pytest.mark.parametrize(
    ("printed", "ours", "ceiling", "verdict"),
    [
        (0.87, (0.849, 0.845, 0.853), 0.855, "above the ceiling"),
        (0.83, (0.825, 0.820, 0.830), 0.850, "agrees"),
        (0.83, (0.821, 0.816, 0.8255), 0.850, "agrees"),  # printed to two decimals: .825 rounds to it
        (0.83, (0.810, 0.805, 0.815), 0.850, "differs"),
        (0.83, (float("nan"),) * 3, 0.850, "cannot be compared"),
    ],
)
def test_verdicts_allow_for_interval_and_rounding(
    printed: float, ours: tuple[float, float, float], ceiling: float, verdict: str
) -> None:
    number = published.Number("acc_overall", "tip_entropy", printed, 0.005)
    assert judge(number, Estimate(*ours, 8, "replicates"), ceiling)[0] == verdict
