"""Interactive pictures of the page: the library that shows them, once, and their specifications, both compressed.

Specifications repeat themselves: the gzip of one, as base64, has a tenth of its bytes. Browsers unpack it without a library.
"""

import base64
import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import AGAIN, read_json
from mtbkd.base.writing import atomic
from mtbkd.report.figures.interactive import ENDING

END = "/* vega, vega-lite, vega-embed: whole */"


def library(folder: Path) -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, ``zipped``. Making it takes seconds: ``folder`` keeps it, if writable."""
    path = folder / f"vega-{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeDecodeError):
        if (found := path.read_text(encoding="utf-8")).endswith(END):
            return zipped(found)
    import vl_convert

    bundle: Callable[[], str] = vl_convert.javascript_bundle  # type: ignore[assignment]  # its stub lacks the default
    made = bundle() + END
    with suppress(OSError), atomic(path) as temporary:
        temporary.write_text(made, encoding="utf-8")
    return zipped(made)


def zipped(text: str) -> str:
    """``text`` as gzip in base64, the same for the same text; what pictures.js reads."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def packed(figure: Path) -> str:
    """The specification beside the SVG ``figure`` as ``{"spec": ..., "tables": {name: {"columns": ..., "rows": ...}}}``,
    ``zipped``; "" for a figure without one."""
    path = figure.with_suffix(f".{ENDING}")
    if not path.exists():
        return ""
    spec: Any = read_json(path)
    tables = spec.pop("datasets", None) if isinstance(spec, dict) else None
    if not isinstance(tables, dict):
        raise ContractError(path, "content", "no datasets", "a Vega-Lite specification", AGAIN)
    columns = {name: list(rows[0]) if rows else [] for name, rows in tables.items()}
    lean = {
        table: {"columns": columns[table], "rows": [[row[name] for name in columns[table]] for row in rows]}
        for table, rows in tables.items()
    }
    return zipped(json.dumps({"spec": spec, "tables": lean}, separators=(",", ":")))
