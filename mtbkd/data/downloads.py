"""Raw files: sources, verification and download.

``fetch`` takes each file from the mirror folder ($MTBKD_MIRROR/<group>/<file>) or else from its URLs, into a temporary file
that is moved into place only when size and hash are right. Keys are '<group>/<file>', listed in raw_files.yaml.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from errno import EDQUOT, EFBIG, ENOSPC, EROFS
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from mtbkd.base.errors import MtbkdError, machine_fault, nearest
from mtbkd.base.writing import atomic
from mtbkd.data.raw_files import RawFile, most_bytes, raw_files, reason_to_reject

MIRROR_VARIABLE = "MTBKD_MIRROR"
CHUNK = 1 << 20
TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
RETRIES = 4  # of a refused connection or an answer that says "later"
BROKEN_OFF = 2  # further tries after a transfer that broke off
BACKOFF = 1.0  # seconds; doubles with every retry
RETRY_STATUS = (429, 500, 502, 503, 504)
log = logging.getLogger(__name__)


class DownloadError(MtbkdError):
    """A raw file could not be obtained: every attempt with its reason, and instructions for a manual download."""


class _Rejected(Exception):
    """An attempt's reason."""


def fetch(keys: Iterable[str], target: Path, mirror: Path | None = None, registry: Mapping[str, RawFile] | None = None) -> None:
    """Put the files ``keys`` under ``target``/<group>/<file>; those already there and right are left alone.

    Args:
        keys: '<group>/<file>', as in raw_files.yaml.
        target: folder of raw files, made when missing.
        mirror: folder laid out in the same way that is tried first; by default $MTBKD_MIRROR, if set.
        registry: other files than those of raw_files.yaml.

    Raises:
        DownloadError: an unknown key, a mirror folder that does not exist, or a file that no source gave.
    """
    registry = raw_files() if registry is None else registry
    keys = list(keys)
    for key in keys:
        if key not in registry:
            hint = nearest(key, registry) or f"known: {', '.join(sorted(registry))}"
            raise DownloadError(f"raw file: found '{key}'; expected a key of mtbkd/data/raw_files.yaml. Hint: {hint}")
    mirror = _mirror(mirror)
    for key in keys:
        _fetch_one(key, registry[key], Path(target) / key, mirror)


def at_hand(key: str, target: Path) -> bool:
    """Whether a raw file needs no network: it lies in ``target`` already, or in the mirror."""
    mirror = _mirror(None)
    return (target / key).is_file() or (mirror is not None and (mirror / key).is_file())


def _mirror(mirror: Path | None) -> Path | None:
    named = str(mirror or os.environ.get(MIRROR_VARIABLE, ""))
    if named and not Path(named).is_dir():
        raise DownloadError(
            f"{MIRROR_VARIABLE}: found '{named}', which is no folder; expected a folder that holds <group>/<file>. "
            f"Hint: unset {MIRROR_VARIABLE} to download from the web"
        )
    return Path(named) if named else None


def _fetch_one(key: str, file: RawFile, place: Path, mirror: Path | None) -> None:
    if place.is_file():
        reason = reason_to_reject(place, file)
        if not reason:
            log.info("%s: already there", key)
            return
        log.warning("%s: the file at %s is not the expected one (%s); downloading it again", key, place, reason)
    ways: list[tuple[str, Callable[[Path], None]]] = []
    if mirror is not None:
        ways.append((str(mirror / key), lambda part: _copy(mirror / key, part, file)))
    ways += [(f"{s.url} ({s.status})", lambda part, url=s.url: _download(key, url, part, file)) for s in file.sources]
    attempts = []
    for name, way in ways:
        try:
            with atomic(place) as part:
                way(part)
                if reason := reason_to_reject(part, file):
                    raise _Rejected(reason)
        except (_Rejected, requests.RequestException, OSError) as error:
            # no other source helps against these
            if not isinstance(error, requests.RequestException | _Rejected) and error.errno in (ENOSPC, EDQUOT, EROFS, EFBIG):
                raise machine_fault(error, place) or error from None
            attempts.append(f"{name}: {error}")
            log.warning("%s: %s", key, attempts[-1])
        else:
            verified = "verified" if file.sha256 else "UNVERIFIED CONTENT: no hash of this file is known"
            log.info("%s: %d bytes from %s, %s", key, place.stat().st_size, name, verified)
            return
    raise DownloadError(_advice(key, file, place, mirror, attempts))


def _advice(key: str, file: RawFile, place: Path, mirror: Path | None, attempts: list[str]) -> str:
    lines = [f"{key}: could not be fetched ({file.note or 'raw file'})."]
    lines += [f"  tried {attempt}" for attempt in attempts]
    if mirror is None:
        lines.append(f"  no mirror was tried: {MIRROR_VARIABLE} is not set")
    if not file.sources:
        lines.append("  no URL gives this file: it comes from a mirror or by hand")
    lines.append(
        f"Hint: set {MIRROR_VARIABLE} to a folder that holds {key}, or put the file of {file.bytes} bytes with"
        if file.sha256
        else f"Hint: set {MIRROR_VARIABLE} to a folder that holds {key}, or put the file"
    )
    lines.append(f"  sha256 {file.sha256} at {place}" if file.sha256 else f"  at {place}")
    if file.content_sha256:
        lines.append(f"  (or any gzip of the content with sha256 {file.content_sha256})")
    return "\n".join(lines)


def _write(chunks: Iterator[bytes], part: Path, file: RawFile, progress: str) -> None:
    done, reported = 0, 0
    with part.open("wb") as handle:
        for chunk in chunks:
            done += len(chunk)
            if done > most_bytes(file):
                raise _Rejected(f"more than the {file.bytes} bytes expected")
            handle.write(chunk)
            if (step := min(10, 10 * done // file.bytes)) > reported:
                reported = step
                log.info("%s: %d %% of %d bytes", progress, 10 * step, file.bytes)


def _copy(source: Path, part: Path, file: RawFile) -> None:
    if not source.is_file():
        raise _Rejected("not in the mirror")
    with source.open("rb") as handle:
        _write(iter(lambda: handle.read(CHUNK), b""), part, file, f"copying {source}")


def _session() -> requests.Session:
    retry = Retry(total=RETRIES, backoff_factor=BACKOFF, status_forcelist=RETRY_STATUS)
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    # servers that unpack .gz files on the way would change the bytes
    session.headers["Accept-Encoding"] = "identity"
    return session


def _download(key: str, url: str, part: Path, file: RawFile) -> None:
    with _session() as session:
        for left in reversed(range(BROKEN_OFF + 1)):
            with session.get(url, stream=True, timeout=TIMEOUT) as answer:
                answer.raise_for_status()
                try:
                    return _write(answer.iter_content(CHUNK), part, file, f"downloading {key}")
                except requests.RequestException as error:
                    log.warning("%s: the download from %s was interrupted (%s), %d attempts left", key, url, error, left)
                    if not left:
                        raise
