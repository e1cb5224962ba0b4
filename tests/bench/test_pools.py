"""The benchmark of the operators times every registered operator and bounds those that are not solved by iteration."""

from mtbkd.base import registry
from mtbkd.bench import pools


def test_every_operator_is_timed() -> None:
    rows = pools.rates(examples=200)
    assert [row["operator"] for row in rows] == list(registry.OPERATORS)
    assert all(row["seconds"] > 0 and row["examples"] == 200 for row in rows)
    assert [row["operator"] for row in rows if not row["bounded"]] == ["minimax"]
