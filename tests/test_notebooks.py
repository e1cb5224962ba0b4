"""Every notebook runs from the first cell to the last and ends in a figure with something in it."""

import runpy
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot as plt

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))


def test_there_are_notebooks_in_cells() -> None:
    assert {path.stem for path in NOTEBOOKS} == {"bring_a_torch_module", "distil_two_teachers", "look_at_a_posterior"}
    for path in NOTEBOOKS:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "# %% [markdown]" and lines.count("# %%") > 3 and lines[-1] == "plt.show()"


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_a_figure(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # it reads and leaves no file
    matplotlib.use("Agg")
    plt.close("all")
    try:
        runpy.run_path(str(path), run_name="__main__")
        (*_, last) = map(plt.figure, plt.get_fignums())
        assert all(ax.has_data() and ax.get_xlabel() + ax.get_title() for ax in last.axes if ax.get_label() != "<colorbar>")
        assert not list(tmp_path.iterdir())
    finally:
        plt.close("all")
