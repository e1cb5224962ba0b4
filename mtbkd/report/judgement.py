"""What the gates say of a method as a whole: one word, and which gates failed in how many replicates."""

from dataclasses import dataclass, field
from typing import Literal

from mtbkd.evaluation.convergence import GATES
from mtbkd.frames import Frame

# The gate that every kind of draws has: alone it does not make a posterior.
NUMERIC = "diverged"
Status = Literal["passed", "failed", "not applicable"]
MARKS: dict[Status, str] = {"passed": "\N{CHECK MARK}", "failed": "\N{BALLOT X}", "not applicable": "\N{EN DASH}"}


@dataclass(frozen=True)
class Judgement:
    """Verdict over all gates and replicates.

    Attributes:
        status: ``failed`` when any gate failed in any replicate; ``not applicable`` for point estimates that are finite.
        failed: gate -> replicates in which it failed.
        replicates: how many were judged.
    """

    status: Status
    failed: dict[str, int] = field(default_factory=dict)
    replicates: int = 0

    @property
    def failed_of_draws(self) -> dict[str, int]:
        """Gates that failed because the draws are not the posterior's. The others judge the model that has this posterior."""
        return {gate: n for gate, n in self.failed.items() if GATES[gate].stage == "fit"}

    @property
    def mark(self) -> str:
        return MARKS[self.status]

    @property
    def which(self) -> str:
        """``rhat (2 of 8), ess_bulk (8 of 8)``."""
        return ", ".join(f"{gate} ({n} of {self.replicates})" for gate, n in self.failed.items())

    @property
    def words(self) -> str:
        return f"failed: {self.which}" if self.failed else self.status


NOT_JUDGED = Judgement("not applicable")


def judgements(gates: Frame) -> dict[str, Judgement]:
    """Method -> judgement, from the rows of gates.parquet of one experiment."""
    return {str(method): _judge(rows) for method, rows in gates.groupby("method", sort=False)}


def _judge(rows: Frame) -> Judgement:
    replicates = int(rows["replicate"].nunique())
    broken = rows[rows["verdict"] == "failed"]
    failed = {str(g): int(n) for g, n in broken.groupby("gate", sort=False)["replicate"].nunique().items()}
    if failed:
        return Judgement("failed", failed, replicates)
    applied = set(rows.loc[rows["verdict"] == "passed", "gate"]) - {NUMERIC}
    return Judgement("passed" if applied else "not applicable", {}, replicates)


def is_posterior(gates: Frame) -> dict[str, bool]:
    """Method -> whether its draws are a posterior: some gate beside the numeric one applies to them."""
    applied = gates[(gates["verdict"] != "not applicable") & (gates["gate"] != NUMERIC)]
    having = set(applied["method"])
    return {str(method): method in having for method in gates["method"].unique()}
