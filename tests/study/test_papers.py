"""Printed tables and figures as studies of their own: whole, sound, and with no method more than they show."""

import pytest

from mtbkd.base.errors import ConfigError
from mtbkd.data.published import tables as published
from mtbkd.study import config, papers
from mtbkd.study.papers import ITEMS
from mtbkd.study.plan import Plan, make_plan
from mtbkd.study.study_files import read_configuration

RAW = read_configuration()
WHOLE = config.load(RAW)


def planned(name: str) -> Plan:
    return make_plan(papers.reduced(WHOLE, name))


def test_every_printed_table_belongs_to_an_item() -> None:
    made = {table for item in ITEMS.values() for table in papers.tables_of(item, WHOLE.studies[item.study].experiments)}
    assert made == set(published.names())


def test_every_experiment_of_the_full_simulations_with_printed_numbers_belongs_to_an_item_or_repeats_one() -> None:
    experiments = WHOLE.studies["paper_simulations"].experiments
    asked = {name for item in ITEMS.values() if item.study == "paper_simulations" for name in item.experiments}
    again = {name for name, e in experiments.items() if e.published} - asked
    assert again == {"sim1_untuned", "sim2_untuned"}  # the same tables, at the strength of the authors' code


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_keeps_what_it_shows_as_the_whole_study_has_it(name: str) -> None:
    item, plan = ITEMS[name], planned(name)
    whole = make_plan(WHOLE, item.study)
    assert plan.study == name and tuple(plan.experiments) == item.experiments and tuple(plan.questions) == item.questions
    for title, experiment in plan.experiments.items():
        of_study = whole.experiments[title]
        assert experiment.data == of_study.data and experiment.teachers == of_study.teachers
        assert experiment.blocks == of_study.blocks
        assert experiment.methods == {method: of_study.methods[method] for method in experiment.methods}
        assert set(experiment.methods) <= set(of_study.methods) - set(item.without)


@pytest.mark.parametrize("name", [name for name, item in ITEMS.items() if not item.methods])
def test_an_item_fits_labels_alone_and_one_method_for_each_printed_column_and_no_other(name: str) -> None:
    whole = make_plan(WHOLE, ITEMS[name].study)
    for title, experiment in planned(name).experiments.items():
        assert experiment.published is not None
        printed = {c for c in published.columns_of(experiment.published) if not published.is_teacher(c)}
        assert {column for columns in experiment.columns.values() for column in columns} == printed
        alone = [method for method, spec in experiment.methods.items() if spec["signal"]["name"] == "none"]
        assert alone == ["labels_map"] and set(experiment.methods) == {*alone, *experiment.columns}
        assert {*whole.experiments[title].columns} - {*experiment.columns} == {*ITEMS[name].without} & {
            *whole.experiments[title].columns
        }


def test_figures_know_that_their_paper_prints_numbers_and_what_only_carries_an_item_is_compared_with_none() -> None:
    kept = {name: [e.published for e in planned(name).experiments.values()] for name in ("mtbkd_fig2", "mtbkd_fig3", "bkd_c5")}
    assert kept == {"mtbkd_fig2": ["mtbkd_table1_sim1"], "mtbkd_fig3": ["mtbkd_table1_sim1"], "bkd_c5": [None]}


def test_table_1_has_these_methods() -> None:
    assert set(planned("mtbkd_table1").experiments["sim1"].methods) == {
        "labels_map", "kd_equal_map", "kd_entropy_map", "kd_equal_dropout", "kd_entropy_dropout", "kd_equal_bnn_grid",
        "kd_entropy_bnn_grid", "tip_equal_last", "tip_entropy_last",
    }  # fmt: skip


def test_an_item_can_be_named_as_the_study() -> None:
    loaded = config.load({**RAW, "study": "bkd_c5"})
    assert loaded.study == "bkd_c5" and make_plan(loaded) == planned("bkd_c5")
    assert set(loaded.studies) == {*WHOLE.studies, "bkd_c5"}


def test_a_study_of_the_same_name_comes_first() -> None:
    own = {**RAW["studies"], "bkd_c5": {"experiments": RAW["studies"]["smoke"]["experiments"]}}
    assert list(make_plan(config.load({**RAW, "study": "bkd_c5", "studies": own})).experiments) == ["sim1"]


def test_an_item_says_what_its_study_has_lost() -> None:
    study = {**RAW["studies"]["paper_simulations"], "questions": {}}
    lost = {**RAW, "study": "bkd_c5", "studies": {**RAW["studies"], "paper_simulations": study}}
    with pytest.raises(ConfigError, match=r"^studies\.paper_simulations\.questions: missing: exact, which bkd_c5 needs\.$"):
        config.load(lost)


def test_an_unknown_study_is_told_from_items() -> None:
    with pytest.raises(ConfigError, match="did you mean 'mtbkd_table1'"):
        config.load({**RAW, "study": "mtbkd_tabel1"})


@pytest.mark.parametrize(
    ("words", "given", "found"),
    [
        (["--cores", "all", "mtbkd_table1"], None, "mtbkd_table1"),
        (["mtbkd_table1", "-n", "mtbkd_table1"], "mtbkd_table1", "mtbkd_table1"),
        (["-n", "--config", "study=bkd_coverage"], "bkd_coverage", None),
        (["results/mtbkd_table1/report.html", "report", "mtbkd_figures"], None, None),
    ],
)
def test_the_words_of_a_command_line_name_an_item(words: list[str], given: str | None, found: str | None) -> None:
    assert papers.named(words, given) == found


@pytest.mark.parametrize(
    ("words", "given", "told"),
    [
        (["mtbkd_tabel1"], None, "did you mean 'mtbkd_table1'"),
        (["mtbkd_table1", "bkd_c5"], None, "target: found 'mtbkd_table1 bkd_c5'; allowed: one table or figure at a time"),
        (["mtbkd_table1"], "smoke", "study: found 'smoke'; allowed: mtbkd_table1, the target"),
    ],
)
def test_words_that_name_no_single_item_are_refused_in_a_line(words: list[str], given: str | None, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        papers.named(words, given)
    assert "\n" not in str(error.value)
