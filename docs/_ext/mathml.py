"""Formulas as MathML, made when the site is built, so that pages need no script and no network to show them.

The font for them, STIX Two Math (SIL Open Font License), lies in the package ziamath and is copied into the site.
"""

import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from latex2mathml.exceptions import NoAvailableTokensError
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.logging import getLogger

log = getLogger(__name__)

FONT = "STIXTwoMath-Regular.ttf"
# What the converter leaves to be set: a named function stands apart from what precedes and follows it, "p log q", but "log(q)".
SPACE = '<mspace width="0.17em"/>'
NAME = "<m[io]>(?:log|exp|min|max|sign|det|tr|arg|sup|inf|softmax)</m[io]>"
SET = [
    (re.compile(f"({NAME})(?!<mo stretchy)"), rf"\1{SPACE}"),
    (re.compile(f"(</m(?:i|n|sub|sup|subsup|row)>)(?={NAME})"), rf"\1{SPACE}"),
    (re.compile("<mi>;</mi>"), "<mo>;</mo>"),
    (re.compile("<mo>&#x0221E;</mo>"), "<mi>&#x0221E;</mi>"),
]


def mathml(latex: str, display: str) -> str:
    """The formula as a ``math`` element; ``display`` is inline or block.

    Raises:
        SphinxError: LaTeX that cannot be read, or a command that nothing stands for, which would be shown as text.
    """
    try:
        made = convert(latex.strip(), display=display)
    except (NoAvailableTokensError, IndexError, ValueError) as error:
        raise SphinxError(f"formula: cannot be read: {latex!r} ({type(error).__name__})") from error
    except Exception as error:
        raise SphinxError(f"formula: {latex!r}: {type(error).__name__} {error}") from error
    if "\\" in made:
        unknown = made[made.index("\\") :].partition("<")[0]
        raise SphinxError(f"formula: found {unknown}, which has no MathML: {latex!r}")
    for pattern, better in SET:
        made = pattern.sub(better, made)
    return made


def inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_checked(node, "inline"))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    names = f' id="{node["ids"][0]}"' if node["ids"] else ""
    translator.body.append(f'<div class="formula"{names}>{_checked(node, "block")}{number}</div>')
    raise nodes.SkipNode


def _checked(node: nodes.Element, display: str) -> str:
    try:
        return mathml(node.astext(), display)
    except SphinxError as error:
        log.warning(str(error), location=node)
        return ""


def bring_font(app: Sphinx, error: Exception | None) -> None:
    """Put the font beside the other files of the site."""
    if error is None and app.builder.format == "html":
        with (files("ziamath") / "fonts" / FONT).open("rb") as font, open(Path(app.outdir, "_static", FONT), "wb") as target:
            shutil.copyfileobj(font, target)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    app.connect("build-finished", bring_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
