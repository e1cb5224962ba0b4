"""What all tests share: a hypothesis profile for shared machines, and the folder of raw files."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("mtbkd", deadline=None)
settings.load_profile("mtbkd")

FILLED = Path(__file__).with_name("faults")  # folders before it compile what most tests use
# Copies of the sources, pods and installed wheels share what numba compiled.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "numba"))
BESIDE = Path(__file__).parents[2] / "shared" / "data"
if BESIDE.is_dir():
    # Which release of CIFAR-10 there is depends on it, too.
    os.environ.setdefault("MTBKD_MIRROR", str(BESIDE))


# A process that a shell starts in the background, or under nohup, begins with these ignored, and so do its children.
for ignored in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.default_int_handler if ignored == signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files marked ``early`` beside most others, and after those that fill the caches of compiled code."""
    early = [item for item in items if item.get_closest_marker("early")]
    others = [item for item in items if not item.get_closest_marker("early")]
    first, second = ([item for item in others if (item.path < FILLED) == before] for before in (True, False))
    items[:] = [*first, *early, *second]


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes, as under a quota; what Python compiles is not kept then, or it would be cut."""
    limits, keep = resource.getrlimit(resource.RLIMIT_FSIZE), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        sys.dont_write_bytecode = keep


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder of raw files, <group>/<file>: $MTBKD_MIRROR, or shared/data beside the repository; skips when there is none."""
    folder = Path(os.environ.get("MTBKD_MIRROR") or BESIDE)
    if not folder.is_dir():
        pytest.skip(f"NO DATA MIRROR: {folder} is no folder; set MTBKD_MIRROR to one that holds <group>/<file>")
    return folder
