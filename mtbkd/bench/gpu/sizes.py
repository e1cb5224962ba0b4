"""How much is measured: on a GPU what takes some six minutes, on a CPU what rehearses it."""

from dataclasses import dataclass, field
from typing import Any

from mtbkd.bench.problems import CASES, Case

LARGE = Case("784-1260-10 MLP", (784, 1260, 10), 4.0, None)


@dataclass(frozen=True)
class Sizes:
    """Of the parts.

    Attributes:
        cases: students of the sampler's benchmark.
        chains: numbers of chains of each.
        most_params: of all chains together on the CPU, whose memory and patience end there.
        budget: seconds of a measurement, and the longest step.
        seeds: CNN students trained together.
        training, inference: steps of the fits that are compared.
        known: settings of the algorithms that are judged on a known posterior.
        nuts_draws: of each of 4 chains.
        study: run with device: cuda, None for none.
    """

    cases: tuple[Case, ...] = (*CASES, LARGE)
    chains: tuple[int, ...] = (64, 256, 1024, 4096)
    most_params: int = 300_000_000
    budget: float = 0.2
    seeds: tuple[int, ...] = (1, 8, 64, 512)
    training: int = 200
    inference: int = 800
    known: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "sgld": {"step_size": 0.01, "steps": 4_000, "burn_in": 1_000, "thin": 20, "chains": 256},
            "sghmc": {"step_size": 0.005, "friction": 0.1, "steps": 4_000, "burn_in": 1_000, "thin": 10, "chains": 64},
            "psgld": {"step_size": 0.001, "steps": 6_000, "burn_in": 1_000, "thin": 20, "chains": 128},
            "csgld": {"step_size": 0.06, "steps": 8_000, "cycles": 4, "thin": 20, "chains": 128},
            "hmc": {"chains": 16, "starts": 2, "warmup": 300, "draws": 400, "rounds": 1},
            "hmc_laplace": {"chains": 16},
            "smc": {"particles": 400},
            "vi": {"family": "full_rank", "draws": 4_000},
            "laplace": {"draws": 4_000},
        }
    )
    nuts_draws: int = 500
    study: str | None = "smoke"

    @classmethod
    def of(cls, device: str) -> "Sizes":
        """The full ones for a GPU, those of a rehearsal for the CPU."""
        if device != "cpu":
            return cls()
        known = {"smc": {"particles": 400}, "laplace": {"draws": 4_000}}
        return cls(CASES[:2], (4, 16), 1_000_000, 0.05, (1, 2), 50, 200, known, 50, None)
