"""Numbers of a page as docs/numbers has them (scripts/docs_numbers.py); a page that names another one stops the build."""

from functools import partial

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

from mtbkd.base.errors import ContractError
from scripts import docs_numbers


def fill(app: Sphinx, name: str, source: list[str], known: dict[str, docs_numbers.Entry]) -> None:
    """The text of a page with its numbers."""
    try:
        source[0] = docs_numbers.filled(source[0], known, name)
    except ContractError as error:
        raise SphinxError(str(error)) from error


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", partial(fill, known=docs_numbers.files()))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
