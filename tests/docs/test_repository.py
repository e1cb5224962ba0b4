"""How pages take text of the repository: sections, links, and what is refused; formulas that cannot be shown."""

import sys
from pathlib import Path

import pytest

EXTENSIONS = str(Path(__file__).parents[2] / "docs" / "_ext")
pytest.importorskip("sphinx", reason="NO SPHINX: make setup EXTRAS=docs")
pytest.importorskip("latex2mathml", reason="NO LATEX2MATHML: make setup EXTRAS=docs")
sys.path.insert(0, EXTENSIONS)

import filled  # noqa: E402
import mathml  # noqa: E402
import parts  # noqa: E402
import repository  # noqa: E402
import settings  # noqa: E402
from sphinx.errors import SphinxError  # noqa: E402

sys.path.remove(EXTENSIONS)
TEXT = "# A\n\n## B\n\nb\n\n```\n## no heading\n```\n\n### C\n\nc\n\n## D\n\nd"


def test_a_section_comes_with_its_subsections_and_without_those_that_follow() -> None:
    assert repository.sections(TEXT, "f.md", ["B"]) == "## B\n\nb\n\n```\n## no heading\n```\n\n### C\n\nc\n"
    assert repository.sections(TEXT, "f.md", ["C", "D"]) == "## C\n\nc\n\n\n## D\n\nd"


@pytest.mark.parametrize("heading", ["E", "no heading"])
def test_a_section_that_is_not_there_is_refused_with_those_that_are(heading: str) -> None:
    with pytest.raises(SphinxError, match=r"f\.md: found 0 headings .*; expected one of: A, B, C, D"):
        repository.sections(TEXT, "f.md", [heading])


KNOWN = {("workflow/README.md", ""): "docs/reference/results.md", ("workflow/README.md", "parts"): "docs/guide/parts/index.md"}


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("workflow/README.md#parts", "/guide/parts/index.md#parts"),
        ("workflow/README.md", "path:/../workflow/README.md"),
        ("config.yaml", "path:/../config.yaml"),
        ("docs/report.png", "/report.png"),
        ("https://arxiv.org/abs/2605.27967", "https://arxiv.org/abs/2605.27967"),
    ],
)
def test_links_lead_to_the_page_that_has_the_section_or_to_the_file(link: str, expected: str) -> None:
    known = KNOWN if "#" in link else {}
    assert repository.relinked(f"see [this]({link}).", "README.md", known) == f"see [this]({expected}).\n"


def test_a_folder_loses_its_link_and_code_is_left_alone() -> None:
    assert repository.relinked("[tests](tests)\n```\n[a](b)\n```", "README.md", {}) == "tests\n```\n[a](b)\n```\n"


@pytest.mark.parametrize("link", ["no_such_file.py", "README.md#no-such-heading"])
def test_a_link_to_nothing_is_refused(link: str) -> None:
    with pytest.raises(SphinxError, match=link):
        repository._target(link, "CONTRIBUTING.md", {})


def test_a_formula_becomes_mathml_and_one_that_cannot_is_refused() -> None:
    assert "<mfrac>" in mathml.mathml(r"\frac{\kappa}{\lambda}", "inline")
    assert mathml.mathml(r"p \log q", "inline").count(mathml.SPACE) == 2
    assert mathml.SPACE not in mathml.mathml(r"\log(q)", "inline")
    for latex in (r"\nosuchcommand x", r"\frac{1}{"):
        with pytest.raises(SphinxError, match="formula"):
            mathml.mathml(latex, "block")


def test_a_docstring_keeps_what_is_indented_and_starts_no_markup() -> None:
    made = parts.markdown("A * b < c and ``d * e``.\n\n    x = y\n    z\n\nThen\n- one\n  more\nlast")
    assert made == "A \\* b \\< c and ``d * e``.\n\n\n```text\nx = y\nz\n\n```\n\nThen\n\n- one\n  more\n\nlast"


def test_what_a_setting_takes_is_said_in_words() -> None:
    field = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 2000}, {"type": "null"}]}
    assert settings.allowed(field, {}) == "whole number, at least 1, at most 2,000 or null"
    assert settings.allowed({"enum": ["all", "last"]}, {}) == "`all`, `last`"


def test_a_page_that_names_an_unknown_number_stops_the_build() -> None:
    known = {"s": {"command": "make run STUDY=s", "numbers": {"a": {"value": 0.5}}}}
    page = ["It is <!--= s.a value --><!--/-->."]
    filled.fill(None, "page", page, known)
    assert page == ["It is <!--= s.a value -->0.500<!--/-->."]
    with pytest.raises(SphinxError, match=r"s\.b: found no such number"):
        filled.fill(None, "page", ["It is <!--= s.b value --><!--/-->."], known)
