"""The first page of Snakemake's own report: the verdicts and the opening picture of the study's page."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent

from mtbkd.base.writing import atomic
from mtbkd.report import page
from mtbkd.report.index import Headline


def write(path: Path, headline: Headline, pictures: Sequence[page.Figure]) -> None:
    """Write the description, reStructuredText in a template of Jinja that holds nothing but HTML.

    Args:
        path: results/<study>/snakemake.rst.
        headline: what the index tells of the study.
        pictures: the figures that open the study's page.
    """
    html = page.render({"h": headline, "pictures": pictures}, "description.html.j2")
    with atomic(path) as temporary:
        temporary.write_text(as_template(html), encoding="utf-8")


def as_template(html: str) -> str:
    """HTML as Snakemake reads a description; nothing in it is markup of Jinja or reStructuredText."""
    kept = "\n".join(line for line in html.splitlines() if line.strip()).replace("{%", "&#123;%")
    return "{% raw %}\n.. raw:: html\n\n" + indent(kept, "   ") + "\n{% endraw %}\n"
