"""Numbers on the pages of docs are those of docs/numbers, and those are rows of results."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import write_table
from mtbkd.report.numbers import MINUS
from scripts import docs_numbers as numbers

WRITTEN = ("method", "findings")  # folders whose numbers are filled, none typed; other pages that have one, too
TYPED = re.compile(r"(?<![\w.\-/])\d*\.\d+(?![\w.]*\d)")
# Places in a paper, versions and identifiers of papers are no results.
NAMED = re.compile(
    r"(Theorems?|[Ss]ections?|Appendix|Definition|Remark|Figure|Table|Python|below) [IVX]*[A-C]?\.?\d+(\.\d+)*|\d{4}\.\d{4,5}"
)
LEFT_OUT = (numbers.MARK.pattern, r"```.*?```", r"\$\$.*?\$\$", r"\$[^$]+\$", r"`[^`]*`", r"\]\([^)]*\)", NAMED.pattern)
COMMAND = "make run STUDY=s"


def prose(text: str) -> str:
    """What a person typed: without filled numbers, formulas, code and addresses."""
    for part in LEFT_OUT:
        text = re.sub(part, " ", text, flags=re.DOTALL)
    return text


def written() -> list[Path]:
    return [path for path, text, _ in numbers.pages() if path.parent.name in WRITTEN or numbers.MARK.search(text)]


def docs(folder: Path, page: str, **entries: dict) -> Path:
    (folder / "numbers").mkdir(exist_ok=True)
    (folder / "numbers" / "s.json").write_text(json.dumps({"command": COMMAND, "numbers": entries}))
    (folder / "page.md").write_text(page)
    return folder


def test_pages_show_the_numbers_of_the_files() -> None:
    for path, text, wanted in numbers.pages():
        assert text == wanted, f"{path.name} is out of step: python scripts/docs_numbers.py"


def test_every_number_is_used_and_its_command_stands_on_the_page() -> None:
    used: dict[str, set[str]] = {}
    for path, text, _ in numbers.pages():
        for file, name, _, _ in numbers.MARK.findall(text):
            used.setdefault(file, set()).add(name)
            assert numbers.files()[file]["command"] in text, f"{path.name} does not name the command of {file}.json"
    assert used == {file: set(content["numbers"]) for file, content in numbers.files().items()}


@pytest.mark.parametrize("path", written(), ids=lambda path: path.stem)
def test_no_number_is_typed(path: Path) -> None:
    assert not TYPED.findall(prose(path.read_text())), "fill results from docs/numbers, and say constants in code or formulas"


def test_the_search_for_typed_numbers_finds_them() -> None:
    page = "Theorem 4.2 of 2605.27967: $x = 0.5$, `0.25`, <!--= s.a value -->0.125<!--/-->; the NLL is 0.566, the gain .02."
    assert TYPED.findall(prose(page)) == ["0.566", ".02"]


def test_numbers_are_read_from_the_row_that_they_name_and_written_into_the_page(tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / "s").mkdir(parents=True)
    rows = {"pool": ["a", "b"], "n": [7, 7], "difference": [-0.25, 0.5], "low": [-0.5, 0.1], "high": [0.0, 0.9]}
    write_table(pd.DataFrame(rows), results / "s" / "scores.parquet")
    entry = {"table": "s/scores", "where": {"pool": "a"}, "column": "difference"}
    count = {"table": ["s/scores", "s/scores"], "where": {"pool": ["a", "b"]}, "column": "n", "pick": "count"}
    missing = {"table": "s/later", "where": {}, "value": 3}
    page = "It changes <!--= s.x interval --><!--/-->, <!--= s.k count -->9<!--/--> times, <!--= s.m count --><!--/-->."
    own = docs(tmp_path, page, x=entry, k=count, m=missing)
    assert numbers.read_all(results, own) == (2, ["s/later"])
    found = numbers.files(own)["s"]["numbers"]
    assert found == {"x": entry | {"value": -0.25, "low": -0.5, "high": 0.0}, "k": count | {"value": 4}, "m": missing}
    [(_, _, wanted)] = numbers.pages(own)
    assert re.sub("<!--.*?-->", "", wanted).replace(MINUS, "-") == "It changes -0.250 [-0.500, 0.000], 4 times, 3."
    assert numbers.filled(wanted, numbers.files(own), "page.md") == wanted


@pytest.mark.parametrize("mark", ["s.y value", "t.x value", "s.x furlongs", "s.z value"])
def test_a_page_that_names_what_is_not_there_is_refused(tmp_path: Path, mark: str) -> None:
    own = docs(
        tmp_path, f"<!--= {mark} --><!--/-->", x={"table": "s/t", "where": {}, "value": 1.0}, z={"table": "", "where": {}}
    )
    with pytest.raises(ContractError, match=mark.split()[-2].replace(".", r"\.")):
        list(numbers.pages(own))


@pytest.mark.parametrize(
    ("change", "found"), [({"where": {}}, "2 rows"), ({"where": {"a": 3}}, "0 rows"), ({"column": "c"}, "columns c")]
)
def test_an_entry_that_picks_no_single_row_is_refused(change: dict, found: str) -> None:
    entry = {"table": "s/t", "where": {"a": 1}, "column": "b"} | change
    with pytest.raises(ContractError, match=found):
        numbers.read(entry, "s.x", pd.DataFrame({"a": [1, 2], "b": [0.5, 0.6]}))


def test_printed_numbers_and_gates_need_no_results(tmp_path: Path) -> None:
    printed = {"table": "published/mtbkd_table2_sim2", "where": {"row": "acc_overall"}, "column": "tip_entropy"}
    gate = {"table": "gates", "where": {"name": "rhat"}, "column": "threshold"}
    own = docs(tmp_path, "", printed=printed, gate=gate)
    assert numbers.read_all(tmp_path, own) == (2, [])
    assert {name: e["value"] for name, e in numbers.files(own)["s"]["numbers"].items()} == {"printed": 0.87, "gate": 1.01}
