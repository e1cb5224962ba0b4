"""What the compiled functions are made of is what it says: functions of lanes, transpositions, random words, kept code."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from mtbkd.base.compiling import inner
from mtbkd.posterior.compiled import elementary, lanes
from mtbkd.posterior.compiled.philox import WORDS, philox

WHOLE = """\
from mtbkd.base.compiling import compiled
from part import part

@compiled
def whole():
    return part()

print(whole(), sum(whole.stats.cache_hits.values()))
"""


@inner
def _of_lanes(x: Any, exp: Any, log: Any) -> None:
    for i in range(0, len(x), lanes.WIDTH):
        lanes.store(exp, i, elementary.exp(lanes.load(x, i)))
        lanes.store(log, i, elementary.log(lanes.load(exp, i)))


def test_exp_and_log_are_those_of_numpy() -> None:
    x = np.append(np.linspace(-86, 0, 4_000), [-200.0, -np.inf, np.nan, 0.0] * 8).astype(np.float32)
    exp, log = np.empty_like(x), np.empty_like(x)
    _of_lanes(x, exp, log)
    expected = np.exp(x[:4_000].astype(np.float64))
    np.testing.assert_allclose(exp[:4_000], expected, rtol=3e-7)
    np.testing.assert_allclose(log[:4_000], np.log(exp[:4_000].astype(np.float64)), rtol=3e-7, atol=1e-7)
    assert (exp[4_000::4] < 1e-37).all() and (exp[4_001::4] < 1e-37).all() and np.isnan(exp[4_002::4]).all()
    assert (exp[4_003::4] == 1).all() and (log[4_003::4] == 0).all()


@numba.njit
def _transposed(table: Any, start: Any, out: Any) -> None:
    lanes.transpose(table, start, 2, out, 3, 20)


def test_rows_become_columns() -> None:
    rng = np.random.default_rng(0)
    table, start, out = rng.standard_normal(300).astype(np.float32), rng.integers(0, 284, 20), np.zeros(330, np.float32)
    _transposed(table, start, out)
    columns = np.array([table[i : i + lanes.WIDTH] for i in start[2 : 2 + lanes.WIDTH]]).T
    assert np.array_equal(out[3:323].reshape(16, 20)[:, : lanes.WIDTH], columns)
    assert not out[:3].any() and not out[3:323].reshape(16, 20)[:, lanes.WIDTH :].any() and not out[323:].any()


@numba.njit
def _words(key: Any, block: int, member: int, step: int, out: Any) -> None:
    philox(key, block, member, step, out, 0)


@pytest.mark.parametrize(
    ("key", "block", "lane", "member", "step", "expected"),
    [
        (0, 0, 0, 0, 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (2**64 - 1, 2**28 - 1, 15, -1, -1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ],
)
def test_random_words_are_those_of_the_authors(
    key: int, block: int, lane: int, member: int, step: int, expected: tuple[int, ...]
) -> None:
    """The known answers of Random123 1.09 for philox4x32-10, counters and keys all 0 or all 1."""
    out = np.zeros(WORDS, np.uint32)
    _words(np.uint64(key), block, member, step, out)
    assert tuple(out[lane :: lanes.WIDTH]) == expected


@pytest.mark.parametrize(("folders", "common"), [("aaa", False), ("aba", True)], ids=["beside the source", "of all copies"])
def test_what_is_kept_is_compiled_anew_when_a_file_beside_it_changes(folders: str, common: bool, tmp_path: Path) -> None:
    """numba alone looks at the function's own file and would return 1 again; of a copy it would keep nothing."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"NUMBA_CACHE_DIR": str(tmp_path / "common")} if common else {}

    def run(folder: str, number: int) -> str:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / "part.py").write_text(f"from mtbkd.base.compiling import inner\n\n@inner\ndef part():\n    return {number}\n")
        (place / "whole.py").write_text(WHOLE)
        command = [sys.executable, "whole.py"]
        return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=True).stdout

    assert [run(folder, number) for folder, number in zip(folders, (1, 1, 2), strict=True)] == ["1 0\n", "1 1\n", "2 0\n"]
