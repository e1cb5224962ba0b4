"""What every command of `mtbkd` does alike with the words of its line."""

import subprocess
import sys
from typing import Any

import pytest

from mtbkd.serving import cli
from tests.test_package import HEAVY

LIGHT = """
import sys
from mtbkd.serving import cli
status = cli.main(sys.argv[1:])
print(status, *{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def parsed(command: str, *words: str) -> dict[str, Any]:
    """The options that the command gets."""
    with cli.TOP.commands[command].make_context(command, list(words)) as context:
        return context.params


@pytest.mark.parametrize("command", ["", *cli.MODULES])
def test_help_starts_at_once_and_shows_an_example(command: str) -> None:
    run = subprocess.run([sys.executable, "-c", LIGHT, *command.split(), "--help"], capture_output=True, text=True)
    status, *loaded = run.stderr.split()
    assert status == "0" and not set(loaded) & HEAVY
    assert (f"mtbkd {command} " if command else "Commands:") in run.stdout.replace("Usage: ", "")
    assert not command or "example" in run.stdout


def test_every_command_is_listed_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert [words[0] for words in lines if words[0] in cli.MODULES and len(words) > 2] == [*cli.MODULES]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], None),
        (["--missing"], []),
        (["--missing", ""], [""]),
        (["--missing", "NA", "not known", "it's"], ["NA", "not known", "it's"]),
        (["--missing", "-999", "-.5", "-", "--seed", "3"], ["-999", "-.5", "-"]),
        (["--missing=NA", "--seed", "3"], ["NA"]),
        (["--missing=a b"], ["a b"]),
    ],
    ids=str,
)
def test_an_option_of_several_words_ends_at_the_next_option(words: list[str], found: list[str] | None) -> None:
    asked = parsed("fit", "my.csv", "--label", "y", "--out", "student", *words)
    assert asked["missing"] == found and asked["seed"] == (3 if "--seed" in words else 0)


def test_words_have_the_type_of_their_option() -> None:
    assert parsed("fit", "my.csv", "--label", "y", "--out", "student", "--hidden", "8", "4")["hidden"] == [8, 4]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fit", "my.csv", "--out", "--quiet", "--label", "y"], "--out: found nothing; expected a value"),
        (["fit", "my.csv", "--out", "student", "--label"], "--label: found nothing; expected a value"),
        (["check", "my.csv", "--label", "y", "--features", "--seed", "1"], "--features: found nothing"),
        (["check", "my.csv", "--label", "y", "--label", "z"], "--label: found twice; expected once"),
        (["fit", "my.csv", "--label", "y", "--out", "student", "--hidden", "ten"], "'--hidden': 'ten' is not a valid integer"),
        (["check", "my.csv", "--label", "y", "--seed", "-1"], "'--seed': -1 is not in the range x>=0"),
        (["diff", "a", "b", "--tolerance", "nan"], "'--tolerance': nan is no number"),
        (["diff", "a", "b", "--tolerance", "1"], "'--tolerance': 1.0 is not in the range 0<=x<1"),
        (["predict", "--out", "a.csv"], "expected one of --fasta, --table and --images"),
        (["predict", "--out", "a.csv", "--fasta", "a", "--table", "b"], "expected one of --fasta, --table and --images"),
        (["predict", "--out", "a.csv", "--fasta", "a", "--level", "95"], "'--level': 95.0 is not in the range 0<x<1"),
        (["predict", "--out", "a.csv", "--fasta", "a", "--batch", "0"], "'--batch': 0 is not in the range 1<=x<=100000"),
        (["check", "my.csv", "--lable", "y"], "Did you mean one of: '--label', '--values'?)"),
        (["predcit"], "'predcit'. Did you mean 'predict'?"),
        (["list", "model"], "'datasets', 'teachers', 'students'"),
        (["list"], "Choose from: datasets, teachers, students"),
    ],
    ids=lambda each: None if isinstance(each, str) else " ".join(each),
)
def test_wrong_usage_is_one_line_and_status_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    command = words[0] if words[0] in cli.MODULES else ""
    name = f"mtbkd {command}".strip()
    assert said.startswith(f"{name}: error: ") and said.endswith(f" Hint: {name} --help\n") and said.count("\n") == 1
    assert told in said


@pytest.mark.parametrize(
    ("words", "at", "found"),
    [("mtbkd pre", 1, ["predict"]), ("mtbkd list fi", 2, ["figures"]), ("mtbkd fit --missing-", 2, ["--missing-class"])],
)
def test_a_shell_completes_commands_and_options(
    words: str, at: int, found: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("_MTBKD_COMPLETE", "bash_complete"), ("COMP_WORDS", words), ("COMP_CWORD", str(at))):
        monkeypatch.setenv(name, value)
    assert cli.main([]) == 0
    assert [line.partition(",")[2] for line in capsys.readouterr().out.split()] == found
