"""What a check says, and what it may look at."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mtbkd.study.models import Config
from mtbkd.study.plan import Plan

PATIENCE = 2.0  # seconds that a program or a server may take to answer


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes:
        name: the subject.
        state: "ok"; "warning": a run works, but slower or not everywhere; "fails": it does not.
        found: what was found.
        hint: what to do; empty where all is well.
    """

    name: str
    state: Literal["ok", "warning", "fails"]
    found: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.found}. Hint: {self.hint}" if self.hint else self.found


@dataclass(frozen=True)
class Asked:
    """The run that is asked about.

    Attributes:
        folder: where it will start.
        config, plan: of its study; None where the configuration is refused.
        profile: options of Snakemake, by long name.
    """

    folder: Path
    config: Config | None = None
    plan: Plan | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)

    @property
    def executor(self) -> str:
        return self.profile.get("executor", "local")


def answer(command: Sequence[str], patience: float = PATIENCE) -> tuple[str | None, str]:
    """What a program prints, or None and why it did not: not installed, no answer in time, or its last line of complaint."""
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=patience, check=False)
    except FileNotFoundError:
        return None, "not installed"
    except subprocess.TimeoutExpired:
        return None, f"no answer in {patience:g} s"
    except OSError as error:
        return None, error.strerror or str(error)
    if done.returncode == 0:
        return done.stdout.strip(), ""
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return None, lines[-1] if lines else f"exit status {done.returncode}"


def gigabytes(count: float) -> str:
    """A number of bytes for people."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
