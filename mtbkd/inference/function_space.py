"""From raw parameters to function space: what of a posterior is kept, compared and judged.

Log-posterior and class probabilities are functions of the parameters that permutations and signs of hidden units leave
alone. Shapes: U units (replicates), C chains, D draws, S <= D kept draws, L observed examples, K classes.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base import bounds
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import Dataset
from mtbkd.contracts.draws import Draws
from mtbkd.contracts.held_out import HeldOut
from mtbkd.inference import Context, Fit
from mtbkd.posterior.density import label_term
from mtbkd.posterior.problem import Problem

SOME_EXAMPLES = 1_000  # validation examples whose draws are held at a time


class Output(BaseModel):
    """What is kept of the draws."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probes: bounds.Examples = Field(12, description="test examples at which convergence is judged")
    prediction_draws: bounds.DrawCount = Field(
        120, description="draws a replicate, over all chains, kept for the test examples"
    )
    observed_examples: bounds.Examples = Field(200, description="labelled training examples whose log-likelihood is kept")
    keep_params: bool = Field(False, description="keep the raw weights of the kept draws")


def function_space(
    output: Output, problem: Problem, result: Fit, dataset: Dataset, context: Context, kept: "torch.Tensor | None" = None
) -> Draws:  # fmt: skip
    """Draws of log-posterior, probe and test probabilities and log-likelihood from the raw parameters.

    ``kept`` (U, C, S, P): the draws to predict by; None: ``kept_draws``.
    """
    units, chains, draws, _ = result.params.shape
    diverged = ~torch.isfinite(result.params).all(-1).all(-1).numpy()
    flat = result.params.flatten(0, 2).to(context.device)
    log_posterior = problem.log_density(flat, problem.members(chains * draws)).cpu().double().numpy()
    kept = kept_draws(output, result) if kept is None else kept
    test, observed = _evaluated_rows(dataset), observed_rows(dataset, output.observed_examples)
    probes = _probe_rows(output, dataset)
    observed_log_prob, observed_y = log_likelihood(problem, kept, dataset, observed, context.device)
    return Draws(
        replicates=np.array(context.replicates, np.int64),
        log_posterior=log_posterior.reshape(units, chains, draws),
        probe_prob=_probabilities(problem, result.params, dataset, probes, context.device),
        probe_index=probes,
        log_likelihood=observed_log_prob,
        observed_y=observed_y,
        prob=_probabilities(problem, kept, dataset, test, context.device),
        example_index=test,
        diverged=diverged,
        sample_stats=result.sample_stats,
        params=kept.numpy() if output.keep_params else None,
        validation=_validation(problem, kept, diverged, dataset, context.device),
    )


def mean_probabilities(prob: np.ndarray, diverged: np.ndarray) -> np.ndarray:
    """Means float32 (U, M, K) of draws ``prob`` (U, C, S, M, K) over the chains that did not diverge; NaN where all did."""
    some = [own[~lost] if not lost.all() else own for own, lost in zip(prob, diverged, strict=True)]
    return np.stack([own.mean((0, 1), dtype=np.float64) for own in some]).astype(np.float32)


def _validation(
    problem: Problem, kept: "torch.Tensor", diverged: np.ndarray, dataset: Dataset, device: str
) -> HeldOut | None:  # fmt: skip
    """Predictions of the validation examples, some at a time; None without any."""
    rows = dataset.rows("val")
    if not len(rows):
        return None
    parts = [rows[i : i + SOME_EXAMPLES] for i in range(0, len(rows), SOME_EXAMPLES)]
    found = [mean_probabilities(_probabilities(problem, kept, dataset, part, device), diverged) for part in parts]
    return HeldOut(rows, np.concatenate(found, 1), np.zeros(len(rows), np.int64))


def kept_draws(output: Output, result: Fit) -> "torch.Tensor":
    """The draws (U, C, S, P) to predict by, evenly spread over each chain."""
    chains, draws = result.params.shape[1:3]
    return result.params[:, :, thinned(draws, kept_of_chain(output, chains))]


def kept_of_chain(output: Output, chains: int) -> int:
    """How many draws of each of ``chains`` are kept for predictions, at most."""
    return max(1, output.prediction_draws // chains)


def thinned(draws: int, wanted: int) -> np.ndarray:
    """Positions of at most ``wanted`` of ``draws``, evenly spread, both ends among them."""
    return np.unique(np.linspace(0, draws - 1, min(draws, wanted)).round().astype(np.int64))


def _evaluated_rows(dataset: Dataset) -> np.ndarray:
    keep = [split == "test" or split.startswith("ood:") for split in map(str, dataset.split)]
    return np.flatnonzero(keep)


def _probe_rows(output: Output, dataset: Dataset) -> np.ndarray:
    rows = dataset.rows("test")
    return rows[thinned(len(rows), output.probes)]


def observed_rows(dataset: Dataset, count: int) -> np.ndarray:
    """Rows (R or 1, L) of at most ``count`` labelled training examples, the first of each replicate."""
    labelled = (dataset.split == "train") & (dataset.y >= 0)
    count = min(count, int(labelled.sum(1).min()))
    return np.stack([np.flatnonzero(mask)[:count] for mask in labelled])


def _probabilities(
    problem: Problem,
    params: "torch.Tensor",
    dataset: Dataset,
    rows: np.ndarray,
    device: str,
    max_values: int = 30_000_000,
) -> np.ndarray:
    """Class probabilities (U, C, D, len(rows), K), in chunks of draws that bound the memory."""
    units, chains, draws, _ = params.shape
    x = problem.student.inputs(torch.as_tensor(dataset.x[:, rows], device=device))
    out = np.empty((units, chains, draws, len(rows), dataset.num_classes), np.float32)
    chunk = max(1, max_values // (len(rows) * max((*problem.student.hidden, 4 * dataset.num_classes))))
    with torch.no_grad():
        for unit, row in enumerate(problem.data_row.tolist()):
            for chain in range(chains):
                for first in range(0, draws, chunk):
                    members = params[unit, chain, first : first + chunk].to(device)
                    prob = torch.softmax(problem.student.apply(members, x[row : row + 1]), -1)
                    out[unit, chain, first : first + chunk] = prob.cpu().numpy()
    return out


def log_likelihood(
    problem: Problem, params: "torch.Tensor", dataset: Dataset, rows: np.ndarray, device: str, max_values: int = 30_000_000
) -> tuple[np.ndarray, np.ndarray]:
    """log q[y] (U, C, S, L) of examples ``rows`` (R or 1, L) under draws ``params`` (U, C, S, P), and their labels (U, L)."""
    _, chains, draws, _ = params.shape
    chunk = max(1, max_values // (max(1, rows.shape[1]) * max((*problem.student.hidden, 4 * dataset.num_classes))))
    at = np.arange(len(rows))[:, None]
    x = problem.student.inputs(torch.as_tensor(dataset.x[at, rows], device=device))
    y = torch.as_tensor(dataset.y[at, rows], device=device)
    values = []
    with torch.no_grad():
        for unit, row in enumerate(problem.data_row.tolist()):
            parts = [
                label_term(torch.log_softmax(problem.student.apply(some.to(device), x[row : row + 1]), -1), y[row : row + 1])
                for some in params[unit].flatten(0, 1).split(chunk)
            ]
            values.append(torch.cat(parts).unflatten(0, (chains, draws)))
    return torch.stack(values).cpu().numpy(), y.expand(len(y), -1)[problem.data_row].cpu().numpy()
