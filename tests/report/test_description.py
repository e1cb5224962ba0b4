"""The first page of Snakemake's own report: HTML that passes Jinja and docutils unchanged."""

import base64
from pathlib import Path
from typing import Any

from docutils.core import publish_parts
from jinja2 import Environment

from mtbkd.report import description, index
from mtbkd.report.headline import Card
from mtbkd.report.page import Figure

CARD = Card("Does it help?", "Yes {{ oops }} {% if %} `x`_", "3 of 4", "on a & b", "findings")
TOLD = {"study": "s", "end": "2026-11-26T22:31:12+00:00", "git": None, "versions": {"python": "3.13"}}


def test_cards_and_picture_reach_the_report_as_they_are(tmp_path: Path) -> None:
    content = base64.b64encode(bytes(range(256)) * 200).decode()  # docutils refuses lines of more than 10,000 letters
    picture = Figure(
        source=f"data:image/svg+xml;base64,{content}",
        of=None,
        title="What gains?",
        category="Summary",
        caption="c",
        alt="a",
        stem="gains",
        picture="",
    )
    path = tmp_path / "snakemake.rst"
    description.write(path, index.headline_of(TOLD, "About *s*_.", "1 fit.", [CARD], []), [picture])
    rendered = Environment().from_string(path.read_text()).render()
    parts: Any = publish_parts(rendered, writer="html", settings_overrides={"halt_level": 2})
    html = parts["html_body"]
    assert "Yes {{ oops }} &#123;% if %} `x`_" in html and "on a &amp; b" in html and "About *s*_." in html
    assert 'href="report.html#findings"' in html
    assert content in "".join(html.split())
