"""What the package reads and writes does not depend on the user's locale."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(p for part in ("mtbkd", "scripts") for p in (ROOT / part).rglob("*.py"))
ALWAYS_TEXT = re.compile(r"(read_text|write_text|FileHandler)\(|.*\btext=True")
ON_BYTES = re.compile(r"(Image|tarfile|zipfile|archive|os|webbrowser)\.open\(|.*'(r|w|a|x|r\+|w\+)b\+?'")


def calls_by_locale(text: str) -> Iterator[int]:
    """Lines of calls that read or write text in the encoding of the locale."""
    for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
        written, name = ast.unparse(call), ast.unparse(call.func).rpartition(".")[2]
        method = name + written.removeprefix(ast.unparse(call.func))
        opens = name in ("open", "opener") and not ON_BYTES.match(written)
        gzip_bytes = written.startswith("gzip.open(") and "'rt'" not in written and "'wt'" not in written
        if "encoding=" not in written and (ALWAYS_TEXT.match(method) or (opens and not gzip_bytes)):
            yield call.lineno


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('open(path, "w")', [1]),
        ("path.open()", [1]),
        ("Path(path).read_text()", [1]),
        ('gzip.open(path, "rt")', [1]),
        ("subprocess.run(command, text=True)", [1]),
        ("logging.FileHandler(path)", [1]),
        ('open(path, "w", encoding="utf-8")', []),
        ('open(path, "rb")', []),
        ("gzip.open(path)", []),
        ("Image.open(path)", []),
    ],
)
def test_a_call_by_locale_is_seen(line: str, found: list[int]):
    assert list(calls_by_locale(line)) == found


def test_no_text_is_read_or_written_in_the_encoding_of_the_locale():
    found = [f"{p.relative_to(ROOT)}:{line}" for p in SOURCES for line in calls_by_locale(p.read_text(encoding="utf-8"))]
    assert not found
