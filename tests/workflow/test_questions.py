"""A kind of question, its figure, a signal and a study are new files only: planned, computed, drawn and on the page."""

import pytest

from tests.workflow.conftest import ROOT, Checkout

pytestmark = pytest.mark.workflow
KIND = "mtbkd/questions/balance"
FILES = {
    f"{KIND}/__init__.py": '"""How often does each class occur?"""\n',
    f"{KIND}/question.py": '''\
"""How often does each class occur? One table, ``shares``: class, share, and what the part counted."""

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.study.questions import Step

NEEDS = frozenset({"dataset"})
READS = frozenset({"experiment"})
STEPS = {"counts": Step("mtbkd.questions.balance.counting", ("counts",), frozenset({"dataset"}), by_block=True)}
TABLES = ("shares",)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    splits: tuple[str, ...] = Field(("train",), description="whose labels count")


def run(inputs, settings):
    counts = inputs.gathered("counts", "counts")
    return {"shares": counts.groupby("label", as_index=False)["n"].sum()}
''',
    f"{KIND}/counting.py": '''\
"""Count the labels of one split in one block."""

import numpy as np
import pandas as pd
from pydantic import BaseModel


class Spec(BaseModel):
    split: str


def run(inputs, content):
    data = inputs.dataset()
    labels, n = np.unique(data.y[:, data.rows(content.split)], return_counts=True)
    return {"counts": pd.DataFrame({"split": content.split, "label": labels, "n": n})}
''',
    f"{KIND}/planning.py": '''\
"""One part a split."""

from mtbkd.base.settings import dump
from mtbkd.study.questions import Part, Resolved


def resolve(asked):
    parts = {split: Part({"split": split}) for split in asked.settings.splits}
    return Resolved(dump(asked.settings), {"counts": parts})
''',
    f"{KIND}/checks.py": '''\
"""Are the splits there?"""

from mtbkd.base.explain import Mistake, choice


def mistakes(asked):
    for split in asked.settings.splits:
        if split not in ("train", "val", "test"):
            yield Mistake((*asked.path, "settings", "splits"), choice(split, ("train", "val", "test")))
''',
    f"{KIND}/section.py": '''\
"""What the page says."""

from mtbkd.report.questions import Section
from mtbkd.report.table import Column, Row, Table, number, text

TITLE = "Are the classes balanced?"
EXPLAINED = "The labels of the chosen splits are counted."


def section(name, tables, settings):
    rows = [Row([text(str(row.label)), number(row.n)]) for row in tables["shares"].itertuples()]
    shown = Table(f"shares-{name}", "Labels by class", [Column("Class"), Column("Labels", True)], rows)
    return Section([f"The splits {settings['splits']} were counted."], [shown])
''',
    f"{KIND}/figure_balance.py": '''\
"""A bar for every class."""

from matplotlib import pyplot as plt

TITLE = "Labels by class"
SCOPE = "question"
CATEGORY = "Data"
CAPTION = "Every bar is a class; its height is the number of labels."


def applies(question):
    return True


def draw(question):
    figure, ax = plt.subplots()
    shares = question.table("shares")
    ax.bar(shares["label"], shares["n"])
    return figure
''',
    "mtbkd/signals/softened.py": (ROOT / "mtbkd/signals/kd.py").read_text(),
    "workflow/studies/balanced.yaml": """\
methods:
  softened_map: {signal: softened, weights: equal, inference: map}
studies:
  balanced:
    training: {steps: 20}
    posterior: {lambda: 1, prior_scale: 1}
    questions:
      balance: {kind: balance, experiment: one, settings: {splits: [train, val]}}
    experiments:
      one: {dataset: sim1_tiny, teachers: [tiny_b1, tiny_b3], student: quadratic, methods: [labels_map, softened_map]}
""",
}
STUDY = ("--config", "study=balanced")


def test_a_kind_a_figure_a_signal_and_a_study_added_as_new_files_are_on_the_page(fresh: Checkout) -> None:
    (fresh.root / KIND).mkdir()
    with fresh.added(FILES):
        with fresh.edited("workflow/studies/balanced.yaml", "[train, val]", "[trian]"):
            refused = fresh.command("snakemake", "-n", *STUDY)
        assert "studies.balanced.questions.balance.settings.splits: found 'trian'; allowed: test, train, val." in refused.text
        fresh.snakemake("--cores", "2", *STUDY)
        made = set(fresh.files("results/balanced/**/*"))
        folder = "results/balanced/questions/balance"
        assert {f"{folder}/counts/{split}/r0-0/counts.parquet" for split in ("train", "val")} | {
            f"{folder}/shares.parquet"
        } <= made
        assert {"results/balanced/figures/balance-balance.svg", "results/balanced/tables/balance-shares.csv"} <= made
        page = (fresh.root / "results/balanced/report.html").read_text()
        article = page.partition('<article id="question-balance">')[2].partition("</article>")[0]
        for told in ("Are the classes balanced?", "were counted.", "Labels by class</caption>", "Every bar is a class;"):
            assert told in article
        assert "softened_map" in page
        with fresh.edited(f"{KIND}/counting.py", "import numpy", "# edited\nimport numpy"):
            again = {job.rule for job in fresh.dry_run(*STUDY)}
        assert {"part_balance_counts", "question_balance"} <= again and not again & {"student", "teacher", "evaluate"}
