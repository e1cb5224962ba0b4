"""Fill the numbers of the documentation: read them from results into docs/numbers/*.json, write them into docs/**/*.md.

    python scripts/docs_numbers.py results     # read what these results hold, then fill the pages
    python scripts/docs_numbers.py             # fill the pages from the committed files
    python scripts/docs_numbers.py --check     # status 1 if a page is out of step

A page names a number and how to write it, ``<!--= FILE.NAME FORMAT -->0.566<!--/-->``; the text between is written by this
command, so that pages read well without it. FILE.json holds ``command``, which makes the results, and ``numbers``: NAME ->

    table           its place below the results folder, or several; ``published/NAME`` is one of mtbkd/data/published, and
                    ``gates`` the table of gates
    where           columns and their values, which pick rows
    column, pick    what is read of the ``only`` row (default), or the ``count``, ``min``, ``max``, ``median``, ``mean`` of rows
    value, low, high    written by this command; the ends of an interval where the table has them
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mtbkd.base.errors import ContractError, MtbkdError
from mtbkd.base.frames import Frame, read_table
from mtbkd.base.lazy import pd
from mtbkd.base.writing import atomic
from mtbkd.inference.convergence import gate_table
from mtbkd.report.numbers import show, show_interval

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MARK = re.compile(r"<!--= (\w+)\.([\w.-]+) (\w+) -->(.*?)<!--/-->", re.DOTALL)
ENDS, BETWEEN = ("low", "high"), ("value", "difference")  # the ends of an interval, and the columns that they belong to
Entry = dict[str, Any]
FORMATS: Mapping[str, Callable[[Entry], str]] = {
    "value": lambda e: show(e["value"]),
    "interval": lambda e: f"{show(e['value'], True)} {show_interval(e['low'], e['high'], True)}",
    "fine": lambda e: f"{e['value']:.4f}",
    "tenth": lambda e: f"{e['value']:.1f}",
    "plain": lambda e: f"{e['value']:g}",
    "percent": lambda e: f"{100 * e['value']:.0f} %",
    "count": lambda e: f"{e['value']:,.0f}",
    "text": lambda e: str(e["value"]),
}
PICKS: Mapping[str, Callable[[Any], Any]] = {
    "count": len,
    "min": lambda values: values.min(),
    "max": lambda values: values.max(),
    "median": lambda values: values.median(),
    "mean": lambda values: values.mean(),
}


def files(docs: Path = DOCS) -> dict[str, Entry]:
    """Name -> content of every file of numbers."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((docs / "numbers").glob("*.json"))}


def filled(text: str, numbers: Mapping[str, Entry], where: str) -> str:
    """A page with its numbers as the files have them.

    Raises:
        ContractError: the page names a number or a format that is not there, or begins a line with one.
    """
    if found := re.search(r"^\s*<!--= (\S+)", text, re.MULTILINE):
        raise ContractError(where, found[1], "a number at the start of a line, a block of HTML", "a word before it")

    def number(found: re.Match[str]) -> str:
        file, name, form, _ = found.groups()
        known = numbers.get(file, {"numbers": {}})["numbers"]
        if name not in known:
            raise ContractError(where, f"{file}.{name}", "no such number", f"a name of docs/numbers/{file}.json")
        if form not in FORMATS:
            raise ContractError(where, f"{file}.{name}", f"format {form}", ", ".join(FORMATS))
        if "value" not in known[name]:
            raise ContractError(where, f"{file}.{name}", "no value yet", f"the results of: {numbers[file]['command']}")
        return f"<!--= {file}.{name} {form} -->{FORMATS[form](known[name])}<!--/-->"

    return MARK.sub(number, text)


def pages(docs: Path = DOCS) -> Iterator[tuple[Path, str, str]]:
    """Every page with its text as it is and as it should be."""
    numbers = files(docs)
    for path in sorted(docs.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        yield path, text, filled(text, numbers, str(path.relative_to(docs)))


def table(place: str, results: Path) -> Frame | None:
    """The table that an entry names; None where the results do not hold it."""
    if place == "gates":
        return pd.DataFrame(gate_table())
    if place.startswith("published/"):
        return pd.read_csv(ROOT / "mtbkd" / "data" / f"{place}.csv")
    if (path := results / f"{place}.parquet").exists():
        return read_table(path, "a table of results", "all")
    return pd.read_csv(path) if (path := results / f"{place}.csv").exists() else None


def read(entry: Entry, name: str, frame: Frame) -> Entry:
    """The entry with its value from ``frame``.

    Raises:
        ContractError: no such column, or not exactly one row where one is meant.
    """
    pick, column, where = entry.get("pick", "only"), entry.get("column", "value"), entry["where"]
    if missing := {column, *where} - {*frame}:
        raise ContractError(entry["table"], name, f"columns {', '.join(sorted(missing))}", ", ".join(map(str, frame)))
    for key, value in where.items():
        frame = frame[frame[key].isin(value if isinstance(value, list) else [value])]
    if (pick == "only" and len(frame) != 1) or (not len(frame) and pick != "count"):
        raise ContractError(entry["table"], name, f"{len(frame)} rows with {where}", "one row" if pick == "only" else "rows")
    told = {key: each for key, each in entry.items() if key not in ("value", *ENDS)}
    if pick != "only":
        return {**told, "value": _plain(PICKS[pick](frame[column]))}
    row = frame.iloc[0].to_dict()
    known = column in BETWEEN and all(math.isfinite(row.get(key, math.nan)) for key in ENDS)
    ends = {key: _plain(row[key]) for key in ENDS} if known else {}
    return {**told, "value": _plain(row[column]), **ends}


def _plain(value: Any) -> Any:
    """A number with six digits, so that reruns that differ by rounding leave the file as it is; words as they are."""
    value = getattr(value, "item", lambda: value)()
    return float(f"{value:.6g}") if isinstance(value, float) else value


def read_all(results: Path, docs: Path = DOCS) -> tuple[int, list[str]]:
    """Read every number that ``results`` hold; how many, and the places of tables that are not there."""
    frames: dict[str, Frame | None] = {}
    count = 0
    for stem, content in files(docs).items():
        for name, entry in content["numbers"].items():
            places = entry["table"] if isinstance(entry["table"], list) else [entry["table"]]
            frames |= {place: table(place, results) for place in places if place not in frames}
            known = [frame for place in places if (frame := frames[place]) is not None]
            if len(known) == len(places):
                frame = pd.concat(known, ignore_index=True)
                content["numbers"][name], count = read(entry, f"{stem}.{name}", frame), count + 1
        with atomic(docs / "numbers" / f"{stem}.json") as temporary:
            temporary.write_text(_json(content), encoding="utf-8")
    return count, [place for place, frame in frames.items() if frame is None]


def _json(content: Entry) -> str:
    """One line a number."""
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in content["numbers"].items())
    return f'{{"command": {json.dumps(content["command"])},\n "numbers": {{\n{lines}\n }}}}\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="*", help="folders of results")
    parser.add_argument("--check", action="store_true", help="change nothing")
    asked = parser.parse_args()
    for results in asked.results:
        count, missing = read_all(results)
        print(f"{results}: {count} numbers read; tables not there, whose numbers stay: {', '.join(missing) or 'none'}")
    stale = [(path, wanted) for path, text, wanted in pages() if text != wanted]
    for path, wanted in stale:
        print(f"{'out of step' if asked.check else 'filled'}: {path.relative_to(ROOT)}")
        if not asked.check:
            path.write_text(wanted, encoding="utf-8")
    return 1 if asked.check and stale else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MtbkdError as error:
        sys.exit(f"docs_numbers: {error}")
