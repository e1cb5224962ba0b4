"""Curves and traces in a line of text."""

import numpy as np
import pytest

from mtbkd.serving.watching import ASCII, sparkline


def test_a_sparkline_is_clipped_to_its_scale() -> None:
    values = np.array([-100.0, 0, 1, 2, 3, np.nan])
    assert sparkline(values, values[1:]) == "▁▁▃▆█?"
    assert sparkline(values, values[1:], ASCII) == "__-+#?"


@pytest.mark.parametrize("values", [np.zeros(3), np.full(3, np.nan)])
def test_what_does_not_change_or_was_lost_is_told_too(values: np.ndarray) -> None:
    assert sparkline(values) in ("▁▁▁", "???")
