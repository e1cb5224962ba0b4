"""What it is worth to encode each protein once: the paper's fit from remembered features against its encoder in the loop.

The paper's schedule on 2,000 proteins of about 500 residues: 120 epochs of Adam and 80 of SGLD in 4 chains, 480 draws. The
loop is not run: one pass of unirep64 over 64 random chains is timed and extrapolated to all proteins and epochs.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.bench.problems import BATCH_SIZE, CASES, NUM_EXAMPLES, make, seconds
from mtbkd.bench.samplers import context
from mtbkd.data.encoders import unirep64
from mtbkd.data.sequences import RESIDUES
from mtbkd.inference import sgld
from mtbkd.inference.optimise import Training, maximise
from mtbkd.students import init_ensemble

MAP_EPOCHS, SGLD_EPOCHS, CHAINS, STEP_SIZE = 120, 80, 4, 8e-8
SAMPLE, LENGTH, SPREAD = 64, 500, 0.5
CASE = CASES[2]


def measure() -> dict[str, Any]:
    """Seconds of the fit, of one pass of the encoder over the sample, and of the two ways to the same posterior."""
    fit_s, pass_s = seconds(fit), encoder_seconds()
    once, epochs = pass_s / SAMPLE * NUM_EXAMPLES, MAP_EPOCHS + SGLD_EPOCHS
    ours, loop = once + fit_s, epochs * once + fit_s
    return {
        "fit_s": fit_s, "sample_pass_s": pass_s, "sample": SAMPLE, "extrapolated_to": NUM_EXAMPLES,
        "encoded_once_s": ours, "encoder_in_the_loop_s": loop, "times": loop / ours,
    }  # fmt: skip


def steps(epochs: int) -> int:
    """Minibatch steps of ``epochs``; the last batch of an epoch is a short one."""
    return epochs * math.ceil(NUM_EXAMPLES / BATCH_SIZE)


def fit(map_steps: int = steps(MAP_EPOCHS), sgld_steps: int = steps(SGLD_EPOCHS)) -> "torch.Tensor":
    """The paper's posterior of its 320-128-10 student from features at hand: draws (1, 4 chains, draws, P)."""
    problem = make(CASE)
    training = Training.model_validate({"steps": map_steps, "batch_size": BATCH_SIZE, "learning_rate": 3e-4})
    generator = torch.Generator().manual_seed(0)
    start = init_ensemble(problem.student, list(range(CHAINS)))
    modes = maximise(problem, start, problem.members(CHAINS), training, generator)
    settings = sgld.Settings.model_validate({
        "steps": sgld_steps, "burn_in": sgld_steps // 4, "thin": 16, "chains": CHAINS, "step_size": STEP_SIZE,
        "batch_size": BATCH_SIZE,
    })  # fmt: skip
    return sgld.run(problem, settings, sgld.State(modes), context()).params


def encoder_seconds(raw: Path | None = None) -> float:
    """One pass of unirep64 over the sample; without ``raw`` its weights are random numbers, which take as long."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(np.log(LENGTH), SPREAD, SAMPLE), 40, 1000).astype(int)
    chains = ["".join(rng.choice(list(RESIDUES), n)) for n in lengths]
    settings = unirep64.Settings.model_validate({})
    encoder = unirep64.load(settings, raw) if raw else (settings, _random_weights())
    return min(seconds(lambda: unirep64.encode(encoder, chains)) for _ in range(2))


def _random_weights() -> dict[str, Any]:
    units = unirep64.UNITS

    def layer(size_in: int) -> "tuple[torch.Tensor, ...]":
        return (
            torch.randn(size_in, 5 * units) / 8,
            torch.randn(units, units) / 8,
            torch.randn(units, 4 * units) / 8,
            torch.zeros(4 * units),
        )

    layers = [layer(10), *(layer(units) for _ in range(unirep64.LAYERS - 1))]
    return {"embed": torch.randn(26, 10), "layers": layers}
