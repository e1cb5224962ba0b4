"""A question on many tables opens its page; what one experiment beside it says is folded below."""

from typing import Any

from mtbkd.report import page
from mtbkd.report.questions import Part, Section, first_answers
from mtbkd.report.table import Table

EMPTY = Table("none", "none", [], [])
MANIFEST: dict[str, Any] = {
    "start": "2026-01-01T00:00:00", "end": "2026-01-01T00:00:00", "argv": [], "git": None, "versions": {"mtbkd": "0"},
    "host": {"cores": 2, "gpus": [], "system": "", "memory_gib": 1}, "seeds": {"base": 1, "axes": {}},
    "keys": {"datasets": [], "teachers": []}, "raw_files": {},
}  # fmt: skip


def shown(opening: list[str]) -> str:
    part = Part("tables", "When do teachers help?", "How to read it.", Section(["Told."], [], [], opening))
    told = {"opening": first_answers([part]), "sentences": [("Which student predicts best?", ["On iris, tip."])]}
    plan = {"study": "tables", "description": "Many.", "device": "cpu"}
    absent = {name: [] for name in ("parts", "findings", "headline", "lead", "filters", "methods", "papers")} | {
        "figures": {},
        "beside": False,
    }
    words = {name: "" for name in ("ran", "took", "computed", "agreement_explained", "resolved", "vega")}
    tables = {"gates_explained": EMPTY, "costs": EMPTY}
    return page.render({**told, **absent, **words, **tables, "plan": plan, "manifest": MANIFEST, "questions": [part]})


def test_the_question_is_answered_first_and_the_experiment_folded_away() -> None:
    html = shown(["It pays."])
    places = [html.index(words) for words in ("It pays.", "<summary>Summary of", "On iris, tip.", "Told.", 'id="findings"')]
    assert places == sorted(places) and html.count('id="questions"') == 1


def test_a_question_without_an_answer_in_short_leaves_the_page_to_the_experiments() -> None:
    html = shown([])
    assert "Summary of" not in html
    places = [html.index(words) for words in ("On iris, tip.", 'id="results"', "Told.")]
    assert places == sorted(places) and html.count('id="questions"') == 1
