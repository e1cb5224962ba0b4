"""Pages made from the repository: its Markdown, its registry, its models and its commands, as text that MyST reads."""

import re
from collections.abc import Callable
from functools import partial

import commands
import gallery
import parts
import repository
import settings
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

BLOCK = re.compile(r"^```\{generated\} (\w+) ?(.*)\n```$", re.MULTILINE)
MAKERS: dict[str, Callable[[str], str]] = {
    "commands": commands.every,
    "entries": settings.entries,
    "gallery": gallery.every,
    "parts": parts.every,
    "settings": settings.every,
}


def read(app: Sphinx, name: str, source: list[str], known: repository.Places) -> None:
    """The text of a page as MyST is to read it."""
    path = app.env.doc2path(name)
    if path.suffix == ".md":
        file = path.relative_to(repository.ROOT).as_posix()
        text = repository.taken(repository.relinked(source[0], file, known), known)
        source[0] = BLOCK.sub(_made, text)


def _made(block: re.Match[str]) -> str:
    if block[1] not in MAKERS:
        raise SphinxError(f"{{generated}}: found {block[1]}; expected one of: {', '.join(MAKERS)}")
    return MAKERS[block[1]](block[2])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", partial(read, known=repository.places()))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
