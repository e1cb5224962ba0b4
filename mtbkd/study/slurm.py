"""What a SLURM cluster answers, asked once before a run submits its first job."""

import re
import subprocess
from dataclasses import dataclass
from typing import Self

from mtbkd.base.errors import ContractError

TIMEOUT = 60.0  # seconds; clients themselves give up on an absent controller or database earlier
SLOWEST = 180  # seconds: the longest pause between two looks of the executor at its jobs
LOGIN = "run it on a login node, with SLURM's commands on PATH"


@dataclass(frozen=True)
class Partition:
    """A partition, as ``sinfo`` lists it.

    Attributes:
        name: without the mark of the default.
        default: where jobs go that name none.
        cores: of its largest node.
        minutes: the longest time that it gives a job; None without a limit.
    """

    name: str
    default: bool
    cores: int
    minutes: int | None


@dataclass(frozen=True)
class Cluster:
    """What a run must know.

    Attributes:
        status: the command that tells how jobs ended, "sacct" or "squeue".
        partition: where the jobs go.
    """

    status: str
    partition: Partition

    @classmethod
    def asked(cls, status: str | None, partition: str | None) -> Self:
        """Ask the cluster.

        Args:
            status: the command that the user or the executor chose.
            partition: the one that jobs name, or None.

        Raises:
            ContractError: no command of SLURM is here, no controller answers, there is no such partition, or neither
                command would tell how a job ended.
        """
        found = chosen(partitions(_printed("sinfo", "--noheader", "--exact", "--format=%P|%c|%l")), partition)
        if status != "squeue" and accounting():
            return cls("sacct", found)
        check_memory_of_jobs(_printed("scontrol", "show", "config"))
        return cls("squeue", found)

    def __str__(self) -> str:
        why = "there is accounting" if self.status == "sacct" else "no accounting answers, or squeue was asked for"
        limit = f"{self.partition.minutes:,} minutes" if self.partition.minutes else "no limit of time"
        cores = f"{self.partition.cores} core{'s'[: self.partition.cores > 1]}"
        where = f"partition '{self.partition.name}', at most {cores} a job, {limit}"
        return f"SLURM: {self.status} tells how jobs end ({why}); {where}"


def accounting() -> bool:
    """Whether ``sacct`` answers: it is installed also where accounting is disabled, and then fails."""
    try:
        return not subprocess.run(("sacct", "-X", "--noheader"), capture_output=True, timeout=TIMEOUT).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def partitions(listed: str) -> list[Partition]:
    """The lines ``name|cores|limit`` of ``sinfo``, one for each kind of node, each partition once."""
    found: dict[str, Partition] = {}
    for line in listed.split():
        name, size, limit = line.split("|")
        cores = max(found[name].cores if name in found else 1, int(re.sub(r"\D", "", size) or 1))
        found[name] = Partition(name.rstrip("*"), name.endswith("*"), cores, minutes(limit))
    return list(found.values())


def minutes(limit: str) -> int | None:
    """SLURM's ``[days-][hours:]minutes:seconds`` in whole minutes; None for ``infinite`` and the like."""
    time = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if time is None:
        return None
    days, hours, rest, _ = (int(part or 0) for part in time.groups())
    return max(1, (days * 24 + hours) * 60 + rest)


def chosen(found: list[Partition], name: str | None) -> Partition:
    """The partition ``name``, or the default; the largest where the cluster has no default."""
    named = [each for each in found if each.name == name or (not name and each.default)]
    if named or (found and not name):
        return max(named or found, key=lambda each: each.cores)
    known = ", ".join(each.name for each in found) or "none"
    raise ContractError("SLURM", "slurm_partition", name, f"one of: {known}", "set it in the profile (SITE)")


def check_memory_of_jobs(config: str) -> None:
    """Refuse a controller that forgets finished jobs before ``squeue`` is asked again: the run would wait for ever."""
    age = re.search(r"^MinJobAge\s*=\s*(\d+)", config, re.MULTILINE)
    if age and int(age[1]) <= SLOWEST:
        hint = "ask for accounting, or for a longer MinJobAge (SLURM's default is 300)"
        raise ContractError("SLURM", "MinJobAge", f"{age[1]} s, and no accounting", f"more than {SLOWEST} s", hint)


def _printed(*command: str) -> str:
    """What a command of SLURM prints."""
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        missing = isinstance(error, FileNotFoundError)
        found = "no such command" if missing else f"no answer within {TIMEOUT:.0f} s"
        raise ContractError("SLURM", command[0], found, "its answer", LOGIN if missing else "is the controller up?") from None
    if done.returncode:
        said = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise ContractError("SLURM", command[0], f"'{said}'", "its answer", "is the controller up?")
    return done.stdout
