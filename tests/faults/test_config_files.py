"""Configuration files that a YAML reader merges silently, chokes on or never finishes."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import unreadable
from mtbkd.study import config
from mtbkd.study.config_files import check_config_files, main, overlaid, read_config_file

ROOT = Path(__file__).parents[2]


def laughs(level: str) -> str:
    """Nine aliases of nine aliases of ...: a few lines that are 10^9 values."""
    names = "abcdefghij"
    lines = [f"{new}: &{new} " + level.format(*[f"*{old}"] * 9) for old, new in pairwise(names)]
    return "\n".join(["a: &a {x: 1}", *lines])


# Content and words of the one line that refuses it.
BAD: dict[str, tuple[str | bytes, str]] = {
    "key twice": ("a: 1\nb: {c: 1}\na: 2\n", "a: found the key 2 times, on lines 1 and 3; allowed: each key once"),
    "key three times": ("a: 1\na: 1\na: 1\n", "a: found the key 3 times, on lines 1, 2 and 3"),
    "nested key twice": ("a:\n  b:\n    - c: 1\n      'c': 2\n", "a.b[0].c: found the key 2 times, on lines 3 and 4"),
    "JSON key twice": ('{\n\t"a": 1,\n\t"a": 2\n}', "a: found the key 2 times, on lines 2 and 3"),
    "merged twice": ("x: &x {p: 1}\ny: &y {q: 1}\nz:\n  <<: *x\n  <<: *y\n", "z.<<: found the key 2 times, on lines 4 and 5"),
    "circle": ("a: &a {b: *a}", "a.b: line 1: found an alias of an enclosing entry"),
    "circle through a list": ("a: &a [1, [*a]]", "a[1][0]: line 1: found an alias"),
    "deep": ("a: " + "[" * 3000 + "]" * 3000, "line 1: found more than 50 levels"),
    "deep and open": ("a: " + "{b: " * 100_000, "line 1: found more than 50 levels"),
    "deep by aliases": ("\n".join(["a0: &a0 [1]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 60))]), "62 levels"),
    "bomb of lists": (laughs("[{}, {}, {}, {}, {}, {}, {}, {}, {}]"), "found aliases that expand to "),
    "bomb of mappings": (laughs("{{k: {}, l: {}, m: {}, n: {}, o: {}, p: {}, q: {}, r: {}, s: {}}}"), "expand to "),
    "number of 5,000 digits": ("a: " + "9" * 5000, "a: line 1: found '999"),
    "no such day": ("a:\n - 2020-99-99", "a[0]: line 2: found '2020-99-99', which is not a valid timestamp"),
    "no such number": ("a: !!int many", "a: line 1: found 'many', which is not a valid int"),
    "octal number": ("a: 010", "a: line 1: found 010, which YAML reads as 8; allowed: decimal numbers"),
    "number to the base 60": ("a: [1, 1:30]", "a[1]: line 1: found 1:30, which YAML reads as 90"),
    "time of day": ("a: {b: 12:30:45.5}", "a.b: line 1: found 12:30:45.5, which YAML reads as 45045.5"),
    "unknown tag": ("a: !!python/object:os.system x", "a: line 1: found 'x'"),
    "unknown tag of a mapping": ("a: !new {b: 1}", "line 1, column 4: invalid YAML: could not determine a constructor"),
    "number as key": ("a:\n  1: x", "a: line 2: found the key '1' (int); allowed: text. Hint: quote it."),
    "yes as key": ("yes: x", "line 1: found the key 'yes' (bool)"),
    "list as key": ("? [a]\n: x", "line 1: found the key that is a collection (seq)"),
    "tab": (
        "a:\n\tb: 1",
        "line 2, column 1: invalid YAML: found character that cannot start any token. Hint: indent with spaces",
    ),
    "NUL": ("a: x\nb: \0", "line 2: found a control character"),
    "not UTF-8": ("a: x\nb: é".encode("latin-1"), "line 2: found the byte 0xe9, which is no UTF-8"),
    "UTF-16": ("a: x".encode("utf-16"), "line 1: found UTF-16; allowed: UTF-8"),
    "open bracket": ("a: [1, 2", "invalid YAML: did not find expected"),
    "undefined alias": ("a: *nobody", "line 1, column 4: invalid YAML: found undefined alias"),
    "two documents": ("a: 1\n---\nb: 1\n", "line 2, column 1: invalid YAML: but found another document"),
    "list": ("- a", "found a list; allowed: keys with values"),
    "one value": ("a", "found one value"),
    "empty": ("", "found nothing"),
    "only comments": ("# nothing\n", "found nothing"),
    "huge": ("# " + "x" * 5_000_000, "found 5,000,002 bytes; allowed: at most 5,000,000"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_a_file_that_yaml_cannot_carry_is_refused_in_one_line(tmp_path, content, words):
    file = tmp_path / "study.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        read_config_file(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(file))


def test_files_that_options_of_snakemake_name_are_checked_before_it_opens_them(tmp_path, capsys):
    sound, bomb = tmp_path / "sound.yaml", tmp_path / "bomb.yaml"
    sound.write_text("study: smoke\n")
    bomb.write_text("a: &a {b: *a}\n")
    more = ["--configfile", str(sound), "--config", "study=smoke"]
    assert main(["-n", *more]) == main([]) == 0
    assert main(["-n", *more, "--configfile", str(sound), str(bomb)]) == 1
    assert (
        capsys.readouterr().err == f"{bomb}: a.b: line 1: found an alias of an enclosing entry; allowed: no circular aliases.\n"
    )


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = {"pipe": "found a pipe or device", ".": "found a folder", "none.yaml": "found no file that can be read"}
    for name, words in found.items():
        with pytest.raises(ConfigError, match=words):
            read_config_file(tmp_path / name)


def test_all_duplicates_of_all_files_are_named_at_once(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("a: 1\nb: {c: 1, c: 2}\na: 1\n")
    second.write_text("d: 1\nd: 1\n")
    with pytest.raises(ConfigError) as caught:
        check_config_files([first, second, first])
    lines = str(caught.value).split("\n")
    assert [line.split(": found")[0] for line in lines] == [f"{first}: a", f"{first}: b.c", f"{second}: d"]


def test_anchors_merges_and_every_shipped_file_are_legal(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: [*x, *x]\n")
    assert read_config_file(file)["y"] == {"a": 1, "b": 3}
    check_config_files([ROOT / "config.yaml", *ROOT.glob("workflow/profiles/*/*.yaml")])


def test_later_files_are_read_over_earlier_ones_key_by_key():
    base = {"a": {"b": 1, "c": 2}, "d": 1}
    assert overlaid(base, {"a": {"b": 3}, "d": {"e": 1}}) == {"a": {"b": 3, "c": 2}, "d": {"e": 1}}
    assert base == {"a": {"b": 1, "c": 2}, "d": 1}


@pytest.mark.parametrize("name", ["key twice", "circle", "bomb of mappings", "not UTF-8", "list"])
def test_the_check_command_says_it_and_exits_with_1(tmp_path, capsys, name):
    content, words = BAD[name]
    file = tmp_path / "study.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert config.main(["check", str(file)]) == 1
    assert words in capsys.readouterr().err


def test_the_check_command_reads_a_second_file_over_the_first(tmp_path, capsys):
    over = tmp_path / "over.yaml"
    over.write_text("study: smoke\n")
    assert config.main(["check", str(ROOT / "config.yaml"), str(over)]) == 0
    assert "study smoke" in capsys.readouterr().out


def circle() -> dict[str, object]:
    made: dict[str, object] = {}
    made["a"] = {"b": made}
    return made


def bomb() -> list[object]:
    made: list[object] = ["x"]
    for _ in range(9):
        made = [made] * 9
    return made


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (circle(), "more than 50 levels"),
        ({"a": bomb()}, "more than 200,000 values"),
        ({"a": {1: 2}}, "a: found 1; allowed: keys that are text"),
        ({"a": ["x\0y"]}, r"a\[0\]: found 'x\\x00y'; allowed: printable text"),
        ({"a": "\ud800"}, r"a: found '\\ud800'"),
        ({"a": "x" * 10_001}, "a: found 10,001 characters"),
        ({"a": 10**5000}, "a: found an integer of 16,610 bits"),
    ],
    ids=["circle", "bomb", "number as key", "NUL", "half a character", "long text", "huge number"],
)
def test_content_that_a_reader_let_through_is_refused(content, words):
    assert unreadable(content)
    with pytest.raises(ConfigError, match=words):
        config.load(content)
