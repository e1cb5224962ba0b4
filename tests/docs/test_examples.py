"""The files that the documentation shows run as what they are: parts, by the conformance tests; the others by themselves."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from click.testing import CliRunner

from mtbkd.base import registry
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Logits, ids_digest
from mtbkd.questions.inputs import Inputs
from mtbkd.report.figures.material import Method
from tests.conformance.examples import dataset

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "guide" / "parts"
SUITES = ("claims", "datasets", "operators", "parts", "questions", "signals", "students", "teachers")
RUN = f"""
import sys, pytest
from tests.docs import with_examples
suites = [f"tests/conformance/test_{{name}}.py" for name in {SUITES}]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *suites, "-k", " or ".join(with_examples.FOUND)]))
"""


def shown(page: str) -> list[Path]:
    """The files that a page shows."""
    lines = (PAGES / page).read_text(encoding="utf-8").splitlines()
    return [PAGES / line.removeprefix("```{literalinclude} ") for line in lines if line.startswith("```{literalinclude}")]


def test_every_example_is_shown_and_is_none_of_the_package() -> None:
    files = {path.resolve() for page in PAGES.glob("*.md") for path in shown(page.name)}
    assert files == {path for path in PAGES.rglob("*.py") if path.name != "__init__.py"}
    assert not any((ROOT / path.relative_to(PAGES / "examples")).exists() for path in files)


@pytest.mark.slow
def test_the_parts_pass_the_conformance_tests_of_their_kind() -> None:
    ran = subprocess.run([sys.executable, "-c", RUN], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "CI": ""})
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert int(ran.stdout.rsplit(" passed", 1)[0].split()[-1]) > 90


@pytest.fixture(scope="module")
def examples() -> dict[str, str]:
    """Name -> module of each part among the examples, which can then be imported; the registry is left as it was."""
    kinds = [*registry.KINDS.values(), registry.FIGURES]
    before = [dict(parts) for parts in kinds]
    from tests.docs.with_examples import FOUND

    for parts, own in zip(kinds, before, strict=True):
        parts.clear()
        parts |= own
    return FOUND


def test_the_rings_have_the_probabilities_that_they_are_drawn_by(examples: dict[str, str]) -> None:
    rings = import_module(examples["rings"])
    made = rings.prepare("rings", rings.Settings(n_train=20_000), derive(1, "data"), range(1), Path())
    prob, right = made.true_prob[0, :, 1], made.y[0] == 1
    tenth = np.minimum((prob * 10).astype(int), 9)
    gap = [prob[tenth == k].mean() - right[tenth == k].mean() for k in range(10)]
    assert np.abs(gap).max() < 0.04
    # The ring that a point was drawn on is as likely as its label says: both have the same share of outer points far out.
    assert right[np.hypot(*made.x[0].T) > 2.5].mean() > 0.99


def test_the_question_counts_and_its_section_and_figure_tell(examples: dict[str, str]) -> None:
    folder = examples["quarrel"].rpartition(".")[0]
    question, section, figure = (import_module(f"{folder}.{name}") for name in ("question", "section", "figure_quarrel"))
    data = dataset((3,), 1)
    covered, digest = np.ones(data.num_examples, bool), ids_digest(data.ids)
    knows = (3 * np.eye(3)[data.y]).astype(np.float32)
    teachers = [Logits(name, made, covered, digest, {}) for name, made in (("right", knows), ("wrong", np.roll(knows, 1, -1)))]
    tables = question.run(Inputs.in_memory(data, teachers, name="q", seed=0), question.Settings())
    assert tables["pairs"].to_dict("records") == [{"first": "right", "second": "wrong", "differ": 1, "either": 1, "n": 20}]
    told = section.section("q", tables, {})
    assert told.told == ["right and wrong differ most: on 100.0 % of the test examples."]
    matplotlib.use("Agg")
    assert figure.draw(SimpleNamespace(table=tables.get)).axes[0].has_data()


def test_the_figure_draws_the_seconds_that_the_fits_took(examples: dict[str, str]) -> None:
    seconds = import_module(examples["seconds"])
    took = {"labels_map": 2.0, "tip_map": 30.0}
    experiment = SimpleNamespace(
        methods={"labels_map": Method("none", "", "map", "point"), "tip_map": Method("tip", "equal", "map", "point")},
        titles={name: name for name in took},
    )
    material = SimpleNamespace(experiment=experiment, draws=lambda name: SimpleNamespace(attrs={"wall_s": took[name]}))
    matplotlib.use("Agg")
    (ax,) = seconds.draw(material).axes
    assert [bar.get_width() for bar in ax.patches] == [*took.values()] and len(seconds.CAPTION.split()) > 40


def test_the_command_prints_the_number_of_parameters(examples: dict[str, str]) -> None:
    command = import_module("mtbkd.serving.size_command").command
    printed = CliRunner().invoke(command, ["linear", "--features", "30", "--classes", "2"])
    assert printed.output == f"{31}\n"
    assert CliRunner().invoke(command, ["linear", "--features", "0", "--classes", "2"]).exit_code == 2
