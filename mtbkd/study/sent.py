"""The files that a run without a shared disk sends to its jobs: what git tracks in the folder where it starts."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from mtbkd.base import suite
from mtbkd.base.errors import ContractError
from mtbkd.study.study_files import study_files

HINT = "run in a clone of the repository, and `git add` files of your own"


def check_sent(folder: Path, more: Iterable[str | Path] = ()) -> int:
    """How many files Snakemake would send from ``folder``.

    Args:
        folder: where the run starts.
        more: configuration files beside those of the suite.

    Raises:
        ContractError: git lists none, or not the package, the workflow, a study or one of ``more``.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=folder, capture_output=True, encoding="utf-8", check=False)
    if listed.returncode:
        found = listed.stderr.strip().splitlines()[0] if listed.stderr.strip() else "no answer of git"
        raise ContractError(folder, "sources", found, "a clone of the repository, whose files jobs are sent", HINT)
    sent = {(folder / name).resolve() for name in listed.stdout.split("\0") if name}
    own = [path for path in (suite.PACKAGE).rglob("*") if path.is_file() and path.suffix not in (".pyc", ".nbi", ".nbc")]
    needed = [*own, *study_files(), *(folder / name for name in more), suite.root() / "workflow" / "Snakefile"]
    if missing := sorted({path.resolve() for path in needed} - sent):
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ContractError(missing[0], "sources", f"a file that git does not track here{others}", "tracked files", HINT)
    return len(sent)
