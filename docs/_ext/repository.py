"""Text that stands elsewhere in the repository: its sections on pages of the site, and links to its files.

A page takes a file, or some of its sections, by a block ``{repository} FILE`` with a heading on each line. A link to such a
section leads to that page, wherever it stands; a link to any other file of the repository downloads the file.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import normpath

from sphinx.errors import SphinxError
from sphinx.util.logging import getLogger

log = getLogger(__name__)

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
BLOCK = re.compile(r"^```\{repository\} (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#+) (.+)$")

STANDING = {
    ("README.md", ""): "docs/index.md",
    ("notebooks", ""): "docs/tutorials/index.md",
    **{(f"notebooks/{path.name}", ""): f"docs/tutorials/{path.name}" for path in (DOCS / "tutorials").glob("*.py")},
}

Places = Mapping[tuple[str, str], str]


def slug(title: str) -> str:
    """The fragment that a forge and MyST give to a heading."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def outside_code(lines: list[str]) -> Iterator[tuple[int, str]]:
    """(position, line) of the lines of Markdown that stand in no block of code."""
    fence = ""
    for position, line in enumerate(lines):
        if found := FENCE.match(line):
            if not fence:
                fence = found[1]
            elif line.strip() == fence:
                fence = ""
            continue
        if not fence:
            yield position, line


def sections(text: str, file: str, headings: list[str]) -> str:
    """The sections of ``text`` below ``headings``, each with its subsections, headings from level 2 on; all of it if none."""
    lines = text.splitlines()
    found = [(at, *head.groups()) for at, line in outside_code(lines) if (head := HEADING.match(line))]
    names = [title for _, _, title in found]
    taken = []
    for heading in headings:
        if names.count(heading) != 1:
            raise SphinxError(f"{file}: found {names.count(heading)} headings {heading!r}; expected one of: {', '.join(names)}")
        start, marks, _ = found[names.index(heading)]
        end = next((at for at, other, _ in found if at > start and len(other) <= len(marks)), len(lines))
        part = lines[start:end]
        for at, line in list(outside_code(part)):
            if head := HEADING.match(line):
                part[at] = f"{'#' * (len(head[1]) - len(marks) + 2)} {head[2]}"
        taken.append("\n".join(part))
    return "\n\n".join(taken) if headings else text


def places() -> dict[tuple[str, str], str]:
    """(file, fragment) -> page of the site, of every section that a page takes; with "" of the first page that takes some."""
    found: dict[tuple[str, str], str] = dict(STANDING)
    for page in sorted(DOCS.rglob("*.md")):
        name = page.relative_to(ROOT).as_posix()
        found.setdefault((name, ""), name)
        for file, body in BLOCK.findall(page.read_text(encoding="utf-8")):
            found.setdefault((file, ""), name)
            text = (ROOT / file).read_text(encoding="utf-8")
            taken = sections(text, file, body.splitlines()).splitlines()
            for _, line in outside_code(taken):
                if head := HEADING.match(line):
                    found[file, slug(head[2])] = name
    return found


def relinked(text: str, file: str, known: Places) -> str:
    """``text``, which stands in ``file`` of the repository, with links that hold on the site; folders lose theirs.

    A link to a file that does not exist, or to a section that it does not have, is a warning, which `make docs` refuses.
    """

    def of(link: re.Match[str]) -> str:
        try:
            target = _target(link[2], file, known)
        except SphinxError as error:
            log.warning(str(error))
            target = ""
        return f"[{link[1]}]({target})" if target else link[1]

    lines = text.splitlines()
    for at, line in list(outside_code(lines)):
        lines[at] = LINK.sub(of, line)
    return "\n".join(lines) + "\n"


def _target(link: str, file: str, known: Places) -> str:
    """What a link in ``file`` leads to on the site; "" for a folder that has no page."""
    if ":" in link.partition("#")[0]:
        return link
    relative, _, anchor = link.partition("#")
    path = _path(relative, file) if relative else file
    if not (ROOT / path).exists():
        raise SphinxError(f"{file}: found a link to {link}; no such file in the repository")
    whole = known.get((path, ""), "")
    if not relative and whole == file:
        return link
    if page := known.get((path, anchor)) or (whole if whole == path else None):
        return f"/{page.removeprefix('docs/')}" + (f"#{anchor}" if anchor else "")
    if anchor and anchor not in _anchors(ROOT / path):
        raise SphinxError(f"{file}: found a link to {link}; that file has no such heading")
    if path.startswith("docs/") and path.endswith((".png", ".svg")):
        return path.removeprefix("docs")
    return f"path:/../{path}" if (ROOT / path).is_file() else ""


def _path(relative: str, file: str) -> str:
    """The path in the repository of a link in ``file``; one that begins with / counts from docs/, as in MyST."""
    return f"docs{relative}" if relative.startswith("/") else normpath((Path(file).parent / relative).as_posix())


def _anchors(target: Path) -> set[str]:
    lines = target.read_text(encoding="utf-8").splitlines()
    return {slug(head[2]) for _, line in outside_code(lines) if (head := HEADING.match(line))}


def taken(text: str, known: Places) -> str:
    """``text`` of a page with every block ``{repository}`` replaced by what it names."""

    def of(block: re.Match[str]) -> str:
        file, headings = block[1], block[2].splitlines()
        if not (ROOT / file).is_file():
            raise SphinxError(f"{{repository}} {file}: no such file")
        return relinked(sections((ROOT / file).read_text(encoding="utf-8"), file, headings), file, known)

    return BLOCK.sub(of, text)
