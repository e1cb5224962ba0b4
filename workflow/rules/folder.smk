# The folder that a run works in. What comes in: results/ as it stands, .snakemake/. What goes out: nothing; a folder that
# cannot be written ends the run here, before any job, and what a killed run left unfinished is taken away.
import fcntl
from contextlib import suppress

from snakemake.exceptions import WorkflowError

from mtbkd.errors import ContractError


def check_writable(*folders):
    """Refuse what is no folder or may not be written to; folders that are missing will be made."""
    for path in map(Path, folders):
        if path.exists() and not path.is_dir():
            raise WorkflowError(str(ContractError(path, "kind", "a file", "a folder", "move the file away")))
        if path.is_dir() and not os.access(path, os.W_OK | os.X_OK):
            hint = "change its owner or mode, or run in a copy"
            raise WorkflowError(
                str(ContractError(path, "permission", "a folder not to write to", "a writable one", hint))
            )


def forget_killed_run(folder):
    """Take away locks and unfinished files when no run is alive that could need them; returns what must stay open meanwhile.

    Snakemake's lock is a file and outlives a killed run, which would refuse the next one. The kernel's lock does not: every
    run shares one on ``folder``/alive, so whoever can have it alone knows that all earlier runs have ended.
    """
    folder.mkdir(exist_ok=True)
    alive = open(folder / "alive", "w", encoding="utf-8")
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in [*folder.glob("locks/*.lock"), *Path("results").glob("**/.*.part")]:
            left.unlink(missing_ok=True)
        fcntl.flock(alive, fcntl.LOCK_SH)
    except OSError:  # another run is alive, or this file system has no such locks: leave Snakemake's as they are
        with suppress(OSError):
            fcntl.flock(alive, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return alive


check_writable(".", "results", "results/shared", "results/downloads", STUDY)
ALIVE = forget_killed_run(Path(".snakemake"))
