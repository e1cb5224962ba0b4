"""The papers' tables in their own layout: every printed number once, in its place, with ours, two intervals and a verdict."""

import math
from collections import Counter
from dataclasses import asdict, replace
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest

from mtbkd.base.registry import FIGURES, figure
from mtbkd.data.published import layouts
from mtbkd.data.published import tables as published
from mtbkd.report import page, papers, unscored
from mtbkd.report.figures.material import Study
from mtbkd.report.numbers import MINUS, Estimate
from mtbkd.report.versus import BETTER, COMPATIBLE, NOT_RUN, Replicates, Versus, half_width, side_by_side
from mtbkd.study import config
from mtbkd.study.papers import ITEMS, reduced
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration
from tests.report.test_versus import experiment, scores

LAYOUTS = layouts.read()
WHOLE = config.load(read_configuration())
TABLES = [name for name, layout in LAYOUTS.items() if layout.rows]


def planned(name: str) -> dict[str, Any]:
    return asdict(make_plan(reduced(WHOLE, name)))


class Grid(HTMLParser):
    """Rows of (attributes, text) of the printed table's cells, headings among them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[dict[str, str | None], str]]] = []
        self._inside = self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside |= tag == "table" and (given.get("class") or "").startswith("printed-layout")
        if self._inside and tag == "tr":
            self.rows.append([])
        if self._inside and tag in ("td", "th"):
            self.rows[-1].append((given, ""))
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "table"
        self._cell &= tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside and self._cell:
            given, text = self.rows[-1][-1]
            self.rows[-1][-1] = given, " ".join(f"{text} {data}".split())


def rendered(found: list[papers.Item], study: str = "any") -> str:
    content = {"papers": found, "printed": [item for item in found if item.layout.name == study], "own_figures": []}
    return page.render(content | {"beside": False, "verdicts_explained": papers.EXPLAINED}, "papers.html.j2")


def numbers(table: str) -> set[layouts.Address]:
    """Every number of a table of the record: its first column names rows, words are no numbers."""
    found = set()
    for row in published.read(table):
        key, *columns = row
        found |= {layouts.Address(table, row[key], c) for c in columns if row[c].replace(".", "").lstrip("-").isdigit()}
    return found


def test_every_number_of_the_record_stands_in_one_cell_of_one_item() -> None:
    shown = Counter(address for layout in LAYOUTS.values() for address in layout.addresses())
    assert set(shown.values()) == {1}
    recorded = set().union(*map(numbers, published.names()))
    again = {"bkd_table2_images", "authors_notebook"}  # the same accuracies, once for all datasets and once by dataset
    assert recorded - set(shown) == {each for each in recorded - set(shown) if each.table in again}
    doubled = [(row["mnist" if "mnist" in row else "dataset"], row["kd"]) for row in published.read("bkd_table2_images")]
    assert doubled[0] == ("mnist", layouts.printed(layouts.Address("bkd_table2_mnist", "acc_overall", "kd")))
    assert set(shown) <= recorded


@pytest.mark.parametrize("name", TABLES)
def test_every_printed_number_is_on_the_page_once_at_its_row_and_column(name: str) -> None:
    layout = LAYOUTS[name]
    made = Versus("m", "accuracy", "all", published.Number("q", "c", 0.5, 0.05), Estimate(0.512, 0.5, 0.524, 5, "replicates"),
                  COMPATIBLE, "inside", half=0.04)  # fmt: skip
    beside: dict[str, dict[str, list[Versus]]] = {name: {} for name in planned(name)["experiments"]}
    for number, table in enumerate(layout.tables):
        own = [replace(made, printed=published.Number(a.quantity, a.column, 0.5, 0.05)) for a in numbers(table)]
        list(beside.values())[min(number, len(beside) - 1)][table] = own
    html = rendered(papers.items(planned(name), beside, {"m": "KD, MAP"}), name)
    grid = Grid(html).rows
    body = [row for row in grid if any("data-printed" in given for given, _ in row)]
    heads = [text for given, text in next(row for row in grid if any(given.get("scope") == "col" for given, _ in row))][1:]
    assert heads == [column.name for column in layout.columns] and len(body) == len(layout.rows)
    for line, row in zip(body, layout.rows, strict=True):
        assert line[0][1] == f"{row.group} {row.name}".strip()
        for (given, text), column in zip(line[1:], layout.columns, strict=True):
            address = layout.address(row, column)
            assert given["data-printed"] == " ".join(address) and html.count(f'data-printed="{given["data-printed"]}"') == 1
            assert text.startswith(f"printed {layouts.printed(address).replace('-', MINUS)} | ours 0.512")
            assert "[.500, .524]" in text and ".472 to .552" in text and "compatible" in text
    groups = [(text, int(given.get("colspan") or 1)) for given, text in grid[0] if given.get("scope") == "colgroup"]
    assert groups == [(group, n) for group, n in papers.items(planned(name), beside, {})[0].groups if group]


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_says_below_what_the_paper_does_not_state_and_what_the_plan_has(name: str) -> None:
    """Every choice is read from the plan of the item: settings that it has not are no choice."""
    plan, layout = planned(name), LAYOUTS[name]
    beside = {title: {e["published"]: []} for title, e in plan["experiments"].items() if e["published"]}
    beside |= {question: {table: [] for table in layout.tables} for question in plan["questions"]}
    for item in papers.items(plan, beside or {title: {} for title in plan["experiments"]}, {}):
        html = rendered([item], name)
        assert "What the paper does not state, and what we chose" in html
        for choice, (what, chosen) in zip(layout.unstated, item.unstated, strict=True):
            assert what == choice.what and chosen and chosen != papers.NOTHING
            assert all(f"{words} " in chosen for words in choice.ours), (what, chosen)
        for table in layout.tables:
            assert published.source(table).note in " ".join(item.notes)


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if layout.figures])
def test_an_item_draws_the_figures_that_it_shows(name: str) -> None:
    """Fig. 2 is drawn beside printed numbers of its paper only: its item must have some."""
    plan = planned(name)
    parts = ("dataset", "student", "teachers", "methods", "evaluation")
    study = Study({title: dict.fromkeys(parts, "") | {"published": e["published"]} for title, e in plan["experiments"].items()})
    for stem in LAYOUTS[name].figures:
        owner, _, drawn = stem.rpartition("-")
        assert drawn in FIGURES and (not owner or owner in {**plan["experiments"], **plan["questions"]})
        assert owner or figure(drawn).applies(study)


def test_choices_are_those_of_the_study_not_of_the_record() -> None:
    plan = planned("mtbkd_table1")
    beside: Any = {"sim1": {"mtbkd_table1_sim1": []}}
    assert dict(papers.items(plan, beside, {})[0].unstated)["How the 20,000 examples are split"] == (
        "training 12,000, validation 3,000, test 5,000"
    )
    plan["experiments"]["sim1"]["data"]["settings"]["n_test"] = 77
    assert "test 77" in dict(papers.items(plan, beside, {})[0].unstated)["How the 20,000 examples are split"]


def test_a_study_shows_an_item_for_each_experiment_beside_its_table_and_one_for_a_table_of_four() -> None:
    plan = asdict(make_plan(WHOLE, "paper_simulations"))
    beside: Any = {name: {e["published"]: []} for name, e in plan["experiments"].items() if e["published"]}
    found = [(item.layout.name, tuple(item.of)) for item in papers.items(plan, beside, {})]
    assert found == [
        ("mtbkd_table1", ("sim1",)), ("mtbkd_table1", ("sim1_untuned",)), ("mtbkd_table2", ("sim2",)),
        ("mtbkd_table2", ("sim2_untuned",)), ("bkd_table4", ("bkd_s1", "bkd_s2", "bkd_s3", "bkd_s4")),
    ]  # fmt: skip
    assert len({item.name for item in papers.items(plan, beside, {})}) == len(found)


def test_each_table_leads_to_the_file_that_holds_its_numbers() -> None:
    beside: Any = {"sim1": {"mtbkd_table1_sim1": []}}
    assert papers.items(planned("mtbkd_table1"), beside, {})[0].file == "published.csv"
    assert papers.items(planned("bkd_c5"), {"exact": {"bkd_c5_conjugate": []}}, {})[0].file == "exact-published.csv"
    assert papers.items(planned("mtbkd_table3"), {"descriptors": {"mtbkd_table3_protein_counts": []}}, {})[0].file == ""


def test_a_users_study_without_printed_numbers_has_no_such_part() -> None:
    assert papers.items({"study": "wine", "experiments": {"wine": {}}, "questions": {}}, {}, {}) == []


def test_both_intervals_are_those_of_the_verdict() -> None:
    """The interval of our mean is narrower than that of one run, and the verdict is by the second."""
    found = {(v.printed.quantity, v.printed.column): v for v in side_by_side(experiment(), scores(), ())}
    kd = found["acc_overall", "kd"]
    assert kd.verdict == COMPATIBLE and kd.half > kd.ours.high - kd.ours.mean > 0
    runs = Replicates.of([0.916, 0.918, 0.920], 909)
    assert kd.half == pytest.approx(half_width(runs, kd.printed, "accuracy", 909))
    assert math.isnan(found["acc_overall", "bkd"].half) and found["acc_overall", "bkd"].verdict == NOT_RUN
    assert found["mae_p", "T1"].verdict == BETTER


def test_counts_are_those_of_the_release_in_all_splits() -> None:
    names = [row["location"] for row in published.read(unscored.COUNTS)]
    card = {"class_names": names, "class_counts": {"train": dict.fromkeys(names, 5), "test": {"Nucleus": 2}}}
    found = {v.printed.quantity: (v.printed.value, v.ours.mean) for v in unscored.counts(card)}
    assert found["Nucleus"] == (1243, 7) and found["Plastid"] == (247, 5)


def test_medians_are_over_examples_with_an_interval_over_replicates() -> None:
    rows = [
        {"method": "tip", "replicate": r, "split": split, "y": 0, "mean_deviance": math.exp(value + 0.01 * r)}
        for r in range(3)
        for split, values in (("test", (0.1, 0.2, 0.9)), ("ood:multilabel", (0.5, 0.6, 3.0)))
        for value in values
    ]
    names = [row["group"] for row in published.read(unscored.MEDIANS)][2:]
    found = unscored.medians(pd.DataFrame(rows), {"columns": {"tip": ("tip_entropy",)}}, {"class_names": names})
    ours = {v.printed.quantity: v.ours for v in found}
    assert ours["single-label"].mean == pytest.approx(0.21) and ours["multi-label"].mean == pytest.approx(0.61)
    assert ours[names[0]].mean == pytest.approx(0.21) and ours["single-label"].low < 0.21 < ours["single-label"].high
    assert not ours[names[1]].known  # no example of that class
    alone = unscored.medians(pd.DataFrame(rows[:6]), {"columns": {"tip": ("tip_entropy",)}}, {"class_names": names})
    item = papers.items(planned("mtbkd_fig6"), {"both": {unscored.MEDIANS: alone}}, {})[0]
    assert [cell.ours[0].interval for _, (cell,) in item.rows][:2] == ["one replicate"] * 2


def test_a_cell_with_two_of_ours_names_them() -> None:
    made = Versus("a", "accuracy", "all", published.Number("acc_overall", "kd", 0.918, 0.0005),
                  Estimate(0.9, 0.89, 0.91, 5, "replicates"), COMPATIBLE, "inside", half=0.2)  # fmt: skip
    plan = planned("bkd_table4")
    beside = {"bkd_s1": {"bkd_table4_s1": [made, replace(made, method="b")]}}
    html = rendered(papers.items(plan, beside, {"a": "KD, MAP", "b": "KD, HMC"}), "bkd_table4")
    cell = next(
        text for row in Grid(html).rows for given, text in row if given.get("data-printed", "").endswith("acc_overall kd")
    )
    assert cell.count("0.900") == 2 and "KD, MAP" in cell and "KD, HMC" in cell and cell.count("printed") == 1
    assert ".700 to 1.000" in cell  # no accuracy exceeds 1


def test_a_column_that_the_study_searched_by_is_called_fitted_on_the_items_page_too() -> None:
    whole = make_plan(WHOLE, "paper_simulations").experiments
    assert whole["sim1"].fitted == ("T1", "T2") and whole["bkd_s4"].fitted == ("T1",)
    for name in ("mtbkd_table1", "mtbkd_table2", "bkd_table4"):
        for title, e in make_plan(reduced(WHOLE, name)).experiments.items():
            assert e.fitted == whole[title].fitted and e.fitted
    assert whole["sim1_poor"].fitted == ()
