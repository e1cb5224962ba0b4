"""What the page says of real tables follows from the numbers, whatever they are."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pytest

from mtbkd.base.frames import Frame
from mtbkd.questions.tables import section as page
from mtbkd.questions.tables.uncertainty import uncertainty
from mtbkd.questions.tables.verdicts import claims, title
from mtbkd.report.questions import Part, Section, cards, first_answers
from mtbkd.report.table import Table
from tests.evaluation.table_scores import EFFECT, GROUPS, NONE, table_posteriors, table_scores, table_tables

Frames = dict[str, Frame]
BEST = title("tip_equal_sharp")
SMALL: dict[str, Any] = {"regimes": ("clusters", "generalists"), "levels": ("60", "all")}


def frames(groups: Mapping[str, Sequence[str]] = GROUPS, **changes: Any) -> Frames:
    return table_tables(table_scores(groups=groups, **{**SMALL, **changes}), groups)


def section(tables: Frames, groups: Mapping[str, Sequence[str]] = GROUPS) -> Section:
    return page.section("real", tables, {"groups": {name: list(own) for name, own in groups.items()}})


@pytest.fixture(scope="module")
def gaining() -> Frames:
    return frames()


def table(found: Section, name: str) -> Table:
    (own,) = [each for each in (*found.tables, *found.details) if each.name == name]
    return own


def row_of(tables: Frames, **where: Any) -> Mapping[str, Any]:
    rows = tables["overall"]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    (row,) = rows.to_dict("records")
    return row


def test_the_first_sentence_says_when_it_pays_by_how_much_and_against_the_sharpened_mean(gaining: Frames) -> None:
    first = section(gaining).told[0]
    assert f"On 9 tables B, which were not used to choose defaults, distillation by {BEST} helps at 60 labels with" in first
    assert "2 settings of teachers and labels of 4 are inconclusive" in first
    assert "ompared with KD on the sharpened mean" in first and "it is better in 2" in first
    nll = gaining["overall"].query("metric == 'nll' and reference == 'labels' and method == 'tip_equal_sharp' and group == 'B'")
    gains = sorted(-nll[nll["verdict"] == "better"]["difference"])
    assert f"by {gains[0]:.3f} to {gains[-1]:.3f} nats" in first


def test_the_first_sentence_opens_the_page(gaining: Frames) -> None:
    found = section(gaining)
    plain = Part("other", "Another question?", "", Section(["told"], []))
    assert first_answers([plain, Part("real", page.TITLE, "", found)]) == [(page.TITLE, [found.told[0]])]


def test_gains_and_intervals_are_those_of_the_comparisons_and_positive_is_better(gaining: Frames) -> None:
    found, row = (
        section(gaining),
        row_of(gaining, group="B", regime="clusters", level="60", metric="nll", method="tip_equal_sharp", reference="labels"),
    )
    shown = table(found, "real-gains-B-nll")
    assert [each.name for each in shown.columns[3:]] == [
        "self-training", "KD", "KD on the sharpened mean", "MT-BKD", BEST
    ]  # fmt: skip
    cell = shown.rows[0].cells[-1]
    assert cell.text == f"+{-row['difference']:.3f}" and cell.mark == "good"
    assert cell.sub.startswith(f"[+{-row['high']:.3f}, +{-row['low']:.3f}]; better; {row['tables_better']} of 9 tables")


def test_a_cell_is_marked_only_where_the_rule_of_the_house_decides(gaining: Frames) -> None:
    for metric in ("nll", "accuracy"):
        for line in table(section(gaining), f"real-gains-B-{metric}").rows:
            for cell in line.cells[3:]:
                assert bool(cell.mark) == bool(re.search(r"\]; (better|worse)", cell.sub))


def test_the_variant_of_tip_is_chosen_on_the_first_group_alone() -> None:
    scores = table_scores(regimes=SMALL["regimes"], levels=("60",))
    better_on_b = (scores["group"] == "B") & (scores["method"] == "tip_equal") & (scores["metric"] == "nll")
    scores.loc[better_on_b, "value"] -= 1.0
    assert f"distillation by {BEST} helps" in section(table_tables(scores)).told[0]
    (claim,) = [c for c in claims(list(EFFECT), "tip_equal_sharp") if (c.family, c.reference) == ("claim", "kd_mean")]
    assert claim.method == "tip_equal_sharp"


def test_verdicts_over_tables_head_the_page(gaining: Frames) -> None:
    found = section(gaining)
    helps, edge, ranks = found.cards
    assert helps.question == "Does distillation help with 60 labels?" and helps.answer == "Yes"
    best = row_of(gaining, metric="nll", reference="labels", method=helps.id, group="B", regime="clusters", level="60")
    other = row_of(gaining, metric="nll", reference="labels", method=helps.id, group="B", regime="generalists", level="60")
    assert helps.number.startswith(f"+{-min(best['difference'], other['difference']):.3f} [") and "9 tables B" in helps.place
    assert edge.question == "Is it better than KD on the sharpened mean?" and edge.answer == "Yes"
    rank = gaining["ranks"].query("group == 'B' and metric == 'nll' and level == '60'").groupby("method")["rank"].mean()
    assert ranks.id == rank.idxmin() and ranks.number.startswith(f"mean rank {rank.min():.3f}")
    shown = cards([Part("real", "", "", found)])
    assert [card.link for card in shown] == ["question-real"] * 3


@pytest.mark.parametrize(("effect", "answer"), [(NONE, "Not shown"), ({k: -v for k, v in EFFECT.items()}, "No, it harms")])
def test_a_verdict_does_not_claim_what_tables_do_not_show(effect: dict[str, float], answer: str) -> None:
    helps = section(frames(effect=effect, noise=0.004, regimes=("clusters",))).cards[0]
    assert helps.answer == answer


def test_groups_are_reported_apart(gaining: Frames) -> None:
    found = section(gaining)
    assert any(each.startswith("On tables A, used to choose defaults and this variant of the prior") for each in found.told)
    assert not any(each.name.endswith(("-A", "-A-nll")) for each in found.tables)
    names = {line.cells[0].text for line in table(found, "real-scores-B").rows}
    assert names == set(GROUPS["B"])


def test_without_an_effect_nothing_is_said_to_pay() -> None:
    found = section(frames(effect=NONE, noise=0.004, regimes=("clusters",)))
    assert "is nowhere shown to help" in found.told[0] and " helps " not in found.told[0]
    assert "; by the Bayesian signed-rank test it is equivalent in 2 of 2. Of " in found.told[0]
    edge = table(found, "real-edge-B")
    assert all("equivalent" in line.cells[3].sub and "/ 1.00 /" in line.cells[4].text for line in edge.rows)


def test_teachers_that_hurt_are_said_to_cost() -> None:
    harmful = {name: -gain for name, gain in EFFECT.items()}
    told = section(frames(effect=harmful, regimes=("clusters",))).told[0]
    assert "it harms at 60 labels with specialists by cluster" in told
    assert "; by the Bayesian signed-rank test it is equivalent in 1 and worse in 1 of 2." in told
    assert "is nowhere shown to help" in told


def test_a_table_without_scores_is_named_and_the_others_counted() -> None:
    scores = table_scores(regimes=SMALL["regimes"], levels=("60",))
    told = section(table_tables(scores[scores["table"] != "DNA"])).told
    assert told[0].startswith("On 8 tables B")
    assert "Without scores, and therefore not included: DNA." in told


def test_one_regime_and_one_group_make_a_page_that_claims_no_held_out_tables() -> None:
    groups = {"all": GROUPS["B"]}
    found = section(frames(groups, regimes=("features",), levels=("60",)), groups)
    assert found.told[0].startswith(f"On 9 tables all distillation by {BEST} helps at 60 labels with specialists by columns")
    assert "not used to choose defaults" not in " ".join(found.told)
    assert {line.cells[0].text for line in table(found, "real-edge-all").rows} == {"specialists by columns"}


def test_too_few_tables_are_said_to_decide_nothing() -> None:
    groups = {"A": GROUPS["A"][:2], "B": GROUPS["B"][:3]}
    told = section(frames(groups), groups).told
    assert "is nowhere shown to help" in told[0]
    assert any("With so few tables (3) no comparison can be significant" in each for each in told)


def test_students_without_tip_are_ranked_all_the_same() -> None:
    found = section(frames(effect={"labels": 0.0, "kd_equal": 0.1, "kd_mean": 0.2}))
    assert found.told[0] == page.NO_TIP
    assert "the best mean rank by NLL of 3 students" in found.told[1]
    assert not any(each.name.startswith("real-edge") for each in (*found.tables, *found.details))


def test_the_ranking_names_whom_the_critical_difference_parts(gaining: Frames) -> None:
    (told,) = [each for each in section(gaining).told if "best mean rank" in each]
    placed = gaining["ranks"].query("group == 'B' and regime == 'clusters' and level == '60' and metric == 'nll'")
    ranks = placed.set_index("method")["rank"]
    beaten = ranks[ranks - ranks.min() > placed["critical_difference"].iloc[0]].index
    assert beaten.size and all(title(method) in told for method in beaten)
    assert "with specialists by cluster" in told


def test_often_chosen_edges_of_grids_are_told_with_their_share(gaining: Frames) -> None:
    found = section(gaining)
    assert found.told[-1].endswith(f"MT-BKD (strength \N{GREEK SMALL LETTER KAPPA} in 50%) and {BEST} (strength "
                                   "\N{GREEK SMALL LETTER KAPPA} in 50%).")  # fmt: skip
    (tip,) = [line for line in table(found, "real-tuned").rows if line.cells[0].text == "MT-BKD"]
    assert tip.cells[1].text == "1: 50%, 10: 50%"
    assert (tip.cells[-1].text, table(found, "real-tuned").rows[0].cells[-1].text) == ("0.200", "\N{EN DASH}")


def test_edges_where_the_loss_does_not_fall_are_told_as_limits(gaining: Frames) -> None:
    flat = gaining | {"tuning": gaining["tuning"].assign(falling="")}
    assert section(flat).told[-1].startswith("Up to 50% of the choices of a setting lie at the edge of its grid, but")
    inside = gaining | {"tuning": gaining["tuning"].assign(at_edge="", falling="")}
    assert not any("edge of its grid" in told or "edge of a grid" in told for told in section(inside).told)


def test_uncertainty_is_paired_with_labels_over_tables(gaining: Frames) -> None:
    scores = gaining["scores"]
    ece = scores[scores["metric"] == "nll"].assign(metric="ece", value=lambda rows: rows["value"] / 10)
    found = table(section(gaining | {"scores": pd.concat([scores, ece])}), "real-uncertainty-B")
    assert [column.name for column in found.columns] == ["Student", "NLL", "ECE"]
    (tip,) = [line for line in found.rows if line.cells[0].text == "MT-BKD"]
    own = ece.query("group == 'B' and labels == 60").pivot_table(index="table", columns="method", values="value")
    assert tip.cells[2].sub.startswith(f"\N{MINUS SIGN}{(own['labels'] - own['tip_equal']).mean():.3f}")


def with_posteriors(gaining: Frames, rows: Frame) -> Section:
    return section(gaining | {"uncertainty": uncertainty(rows, {"Vehicle": 0.3, "wine": 0.3})})


def test_one_sentence_says_whether_posteriors_improve_on_map_and_teachers_on_posteriors(gaining: Frames) -> None:
    found = with_posteriors(gaining, table_posteriors(gain=0.1, teachers=0.2))
    (told,) = [each for each in found.told if each.startswith("Uncertainty")]
    assert "of 40 posteriors of a linear student (hmc_laplace; 60 labels, specialists by cluster), 40 passed all" in told
    assert (
        "Is the posterior better than its MAP estimate? Yes: by NLL better on Vehicle (2 of 2 students) and wine (2 of 2 "
        "students)." in told
    )
    assert (
        "Do teachers improve the posterior? Yes: by NLL better on Vehicle (1 of 1 student) and wine (1 of 1 student). Of 2"
        in told
    )
    assert "only these are counted" not in told
    none = next(each for each in with_posteriors(gaining, table_posteriors(0.0, 0.0)).told if each.startswith("Uncertainty"))
    assert (
        "better than its MAP estimate? Not shown on any table, by NLL. Of 4 pairs of table and student: NLL open in 4, mean "
        "difference" in none
    )
    assert "improve the posterior? Not shown" in none
    harm = next(each for each in with_posteriors(gaining, table_posteriors(-0.1, 0.2)).told if each.startswith("Uncertainty"))
    assert "better than its MAP estimate? No: by NLL worse on Vehicle (2 of 2 students)" in harm


def test_posteriors_are_shown_table_by_table_with_the_fits_that_passed_their_checks(gaining: Frames) -> None:
    rows = table_posteriors()
    failing = (rows["method"] == "kd_mean") & (rows["replicate"] == 0) & (rows["inference"] != "map")
    found = with_posteriors(gaining, rows.assign(passed=~failing))
    assert any("40 posteriors" in each and "38 passed all gates on their draws, and only these are counted" in each
               for each in found.told)  # fmt: skip
    shown = table(found, "real-posteriors")
    assert shown.caption.startswith("Posteriors of a linear student compared with its MAP estimate (hmc_laplace; 60 labels")
    lines = {(line.cells[0].text, line.cells[1].text): line.cells for line in shown.rows}
    assert set(lines) == {(t, title(m)) for t in ("Vehicle (A)", "wine (B)") for m in ("labels", "kd_mean")}
    kd = lines["wine (B)", title("kd_mean")]
    assert (kd[-1].text, kd[-1].mark) == ("9 of 10", "warn")
    assert lines["wine (B)", title("labels")][-1].mark == ""
    assert kd[2].sub.startswith("\N{MINUS SIGN}0.1") and kd[2].mark == "good"
    assert kd[-2].sort == pytest.approx(-0.2, abs=0.01) and kd[-2].mark == "good"
    none = with_posteriors(gaining, rows.iloc[:0])
    assert not any(each.name == "real-posteriors" for each in none.tables)
    assert not any(each.startswith("Uncertainty") for each in none.told)


def test_ways_to_choose_the_strength_are_told_and_shown(gaining: Frames) -> None:
    found = section(gaining)
    told = [each for each in found.told if "against cross-validation" in each]
    assert len(told) == 2 and all("with 20 labels: better on two tables." in each for each in told)
    assert any(each.startswith("The Monte Carlo error of the log-evidence is 0.100 nats") for each in found.told)
    shown = table(found, "real-strengths")
    assert [row.cells[0].text for row in shown.rows] == ["Vehicle (A)", "wine (B)"]
    _, labels, reference, validation, evidence, *_ = shown.rows[0].cells
    assert (labels.text, reference.sub, validation.mark, evidence.mark) == ("20", "", "bad", "good")
    none = section(gaining | {name: gaining[name].iloc[:0] for name in ("strengths", "strength_gains")})
    assert not any("cross-validation with" in each for each in none.told)
    assert not any(each.name == "real-strengths" for each in none.tables)
