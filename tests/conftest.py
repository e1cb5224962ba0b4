"""What all tests share: a hypothesis profile for shared machines, and the folder of raw files."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("mtbkd", deadline=None)
settings.load_profile("mtbkd")

BESIDE = Path(__file__).parents[2] / "shared" / "data"
if BESIDE.is_dir():
    # Which release of CIFAR-10 there is depends on it, too.
    os.environ.setdefault("MTBKD_MIRROR", str(BESIDE))


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder of raw files, <group>/<file>: $MTBKD_MIRROR, or shared/data beside the repository; skips when there is none."""
    folder = Path(os.environ.get("MTBKD_MIRROR") or BESIDE)
    if not folder.is_dir():
        pytest.skip(f"NO DATA MIRROR: {folder} is no folder; set MTBKD_MIRROR to one that holds <group>/<file>")
    return folder
