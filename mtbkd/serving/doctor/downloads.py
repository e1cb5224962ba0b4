"""Raw files: here, in the mirror, or at addresses that answer."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from mtbkd.data.downloads import MIRROR_VARIABLE
from mtbkd.data.raw_files import raw_files
from mtbkd.serving.doctor.finding import PATIENCE, Asked, Finding, gigabytes
from mtbkd.serving.doctor.folders import to_fetch

ASK_DIFFERENTLY = (403, 405, 501)  # the server is there, but answers no HEAD


def downloads(asked: Asked) -> Iterator[Finding]:
    """The mirror, and the raw files that the study still needs."""
    if mirror := os.environ.get(MIRROR_VARIABLE):
        there, hint = Path(mirror).is_dir(), f"unset {MIRROR_VARIABLE} to download from the web"
        yield Finding(
            "mirror", "ok" if there else "fails", mirror if there else f"{mirror}: no such folder", "" if there else hint
        )
        if not there:
            return
    if asked.plan is None:
        return
    missing, keys = to_fetch(asked), asked.plan.raw
    if not keys:
        yield Finding("raw files", "ok", "the study needs none")
    elif not missing:
        yield Finding("raw files", "ok", f"all {len(keys)} at hand")
    else:
        with ThreadPoolExecutor(8) as together:
            wrong = [found for found in together.map(_unreachable, missing) if found]
        yield from wrong
        size = gigabytes(sum(raw_files()[key].bytes for key in missing))
        if reachable := len(missing) - len(wrong):
            yield Finding("raw files", "ok", f"{reachable} of {len(missing)} to download ({size}): their addresses answer")


def _unreachable(key: str) -> Finding | None:
    """What is wrong, if no source of a raw file answers."""
    hint = f"set {MIRROR_VARIABLE} to a folder that holds {key}"
    why = "no address gives it"
    for source in raw_files()[key].sources:
        try:
            status = requests.head(source.url, timeout=PATIENCE, allow_redirects=True).status_code
        except requests.RequestException as error:
            why = f"{source.url} does not answer ({type(error).__name__})"
            continue
        if status < 400 or status in ASK_DIFFERENTLY:
            return None
        why = f"{source.url} answers {status}"
    return Finding("raw files", "fails", f"{key}: {why}", hint)
