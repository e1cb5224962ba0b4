"""Where files lie in a store, jobs follow the paths among their params into the local copies."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from mtbkd.base.job import relocated, results_of

STORE = ".snakemake/storage/fs/results/bucket"


@pytest.mark.parametrize(
    ("output", "root"),
    [
        ("results/shared/data/sim1/r0-1/card.json", "results"),
        (f"{STORE}/results/shared/data/sim1/r0-1/card.json", f"{STORE}/results"),
        ("/elsewhere/results/demo/report.html", "/elsewhere/results"),
    ],
)
def test_the_results_tree_lies_where_outputs_do(output: str, root: str) -> None:
    assert results_of(SimpleNamespace(output=[output])) == Path(root)


def test_paths_are_followed_however_deep_and_nothing_else_changes() -> None:
    spec = {"name": "results", "levels": [0.9], "draws": {"tip": {"r0-1": "results/demo/a.nc"}}, "figures": ("results/b.svg",)}
    assert relocated(spec, Path(STORE)) == {
        **spec,
        "draws": {"tip": {"r0-1": f"{STORE}/results/demo/a.nc"}},
        "figures": (f"{STORE}/results/b.svg",),
    }
