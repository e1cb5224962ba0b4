"""The verdict of the gates on a method as a whole: one word, and the gates that failed with the number of replicates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mtbkd.base.frames import Frame
from mtbkd.inference.convergence import GATES, INFORMING

# Every kind of draws has this gate; it alone does not make a posterior.
NUMERIC = "diverged"
Status = Literal["passed", "failed", "not judged", "not applicable"]
MARKS: dict[Status, str] = {
    "passed": "\N{CHECK MARK}", "failed": "\N{BALLOT X}", "not judged": "?", "not applicable": "\N{EN DASH}",
}  # fmt: skip


WARNS = "\N{WARNING SIGN}"


@dataclass(frozen=True)
class Judgement:
    """Verdict over all gates and replicates.

    Attributes:
        status: ``failed`` if any gate failed in any replicate; ``not judged`` if none failed but an applicable one lacked its
            statistic; ``not applicable`` for finite point estimates.
        failed: gate -> replicates in which it failed.
        replicates: number of replicates judged.
        unjudged: gate -> replicates in which it applied but could not be judged.
        warned: informative gate -> replicates in which it failed; does not affect ``status``.
        sound: replicates whose draws passed every gate on draws, with none unjudged.
    """

    status: Status
    failed: dict[str, int] = field(default_factory=dict)
    replicates: int = 0
    unjudged: dict[str, int] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)
    sound: int = 0

    @property
    def failed_of_draws(self) -> dict[str, int]:
        """Failed gates on the draws: these are not from the posterior. The other gates judge the model itself."""
        return {gate: n for gate, n in self.failed.items() if GATES[gate].stage == "fit"}

    @property
    def mark(self) -> str:
        return MARKS[self.status]

    @property
    def which(self) -> str:
        """``rhat (2 of 8), ess_bulk (8 of 8)``."""
        return self.told({})

    def told(self, added: Mapping[str, str]) -> str:
        """The same, with remarks added to gates."""
        parts = {gate: f"{n} of {self.replicates}" for gate, n in self.failed.items()}
        return ", ".join(f"{gate} ({', '.join(filter(None, (part, added.get(gate))))})" for gate, part in parts.items())

    @property
    def warnings(self) -> str:
        """``optimised (3 of 8)``, of informative gates."""
        return ", ".join(f"{gate} ({n} of {self.replicates})" for gate, n in self.warned.items())

    @property
    def words(self) -> str:
        return f"failed: {self.which}" if self.failed else self.status


NOT_JUDGED = Judgement("not applicable")


def judgements(gates: Frame) -> dict[str, Judgement]:
    """Method -> judgement, from the rows of gates.parquet of one experiment."""
    return {str(method): _judge(rows) for method, rows in gates.groupby("method", sort=False)}


def _judge(rows: Frame) -> Judgement:
    replicates = int(rows["replicate"].nunique())
    warned = _counts(rows[rows["gate"].isin(INFORMING)], "failed")
    rows = rows[~rows["gate"].isin(INFORMING)]
    failed, unjudged = _counts(rows, "failed"), _counts(rows, "not judged")
    applied = set(rows.loc[rows["verdict"] == "passed", "gate"]) - {NUMERIC}
    status: Status = "failed" if failed else "not judged" if unjudged else "passed" if applied else "not applicable"
    bad = rows[(rows["stage"] == "fit") & rows["verdict"].isin({"failed", "not judged"})]
    return Judgement(status, failed, replicates, unjudged, warned, replicates - int(bad["replicate"].nunique()))


def _counts(rows: Frame, verdict: str) -> dict[str, int]:
    """Gate -> replicates with that verdict."""
    found = rows[rows["verdict"] == verdict].groupby("gate", sort=False)["replicate"].nunique()
    return {str(gate): int(n) for gate, n in found.items()}


def is_posterior(gates: Frame) -> dict[str, bool]:
    """Method -> whether its draws claim to be from a posterior, i.e. a gate on draws other than the numeric one applies."""
    having = _applies(gates, "fit")
    return {str(method): method in having for method in gates["method"].unique()}


def unclaimed(gates: Frame) -> frozenset[str]:
    """Methods whose draws claim no posterior (dropout, ensembles): only their predictions are judged."""
    return _applies(gates, "evaluation") - _applies(gates, "fit")


def _applies(gates: Frame, stage: str) -> frozenset[str]:
    """Methods to which a gate of ``stage`` other than the numeric one applies."""
    binding = ~gates["gate"].isin(INFORMING | {NUMERIC})
    applied = gates[(gates["verdict"] != "not applicable") & binding & (gates["stage"] == stage)]
    return frozenset(map(str, applied["method"]))
