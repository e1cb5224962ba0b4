"""The teachers: one network a domain with a sigmoid output a location, a specialist of the examples it was trained on.

Shapes: N examples of the dataset, G teachers, K locations, C candidates of the prior's scale.
"""

import logging
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference.optimise import maximise
from mtbkd.posterior.problem import Shared
from mtbkd.questions.multilabel.data import Task
from mtbkd.questions.multilabel.scores import bernoulli_nll
from mtbkd.questions.multilabel.spec import Specialists
from mtbkd.questions.multilabel.target import make_bernoulli
from mtbkd.signals import none
from mtbkd.students import init_ensemble
from mtbkd.students.mlp import Mlp
from mtbkd.teachers.examples import seen_examples

log = logging.getLogger(__name__)
LEAST = 20  # examples of a domain in training and validation together, below which no specialist can be trained


@dataclass(frozen=True)
class Panel:
    """Teachers on all examples.

    Attributes:
        names: their domains.
        logits: float32 (N, G, K), of presence.
        tuning: one row a candidate: teacher, prior_scale, examples, val_examples, val_nll, chosen.
    """

    names: tuple[str, ...]
    logits: np.ndarray
    tuning: list[dict[str, Any]]

    @property
    def prob(self) -> np.ndarray:
        """Probabilities (N, G, K) of presence."""
        return torch.sigmoid(torch.as_tensor(self.logits, dtype=torch.float64)).numpy()


def train_panel(task: Task, settings: Specialists, seed: int, device: str) -> Panel:
    """Train one specialist a domain, its prior's scale chosen on the validation examples of its own domain.

    Raises:
        ContractError: a domain is unknown or too small.
    """
    names = settings.domains or task.dataset.domain_names
    if not names:
        raise ContractError(f"dataset {task.dataset.name}", "domains", "none", "a domain for every teacher")
    parts = [_train(task, settings, name, seed, device) for name in names]
    logits = np.stack([logits for logits, _ in parts], axis=1)
    return Panel(tuple(names), logits, [row for _, rows in parts for row in rows])


def _train(task: Task, settings: Specialists, domain: str, seed: int, device: str) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Logits (N, K) of one teacher on all examples, and its tuning."""
    dataset = task.dataset
    seen = np.flatnonzero(seen_examples(dataset, domain, settings.exposure, seed, 0)[0])
    own = dataset.rows("val")[_in_domain(dataset, domain, dataset.rows("val"))]
    if min(len(seen), len(own)) == 0 or len(seen) + len(own) < LEAST:
        counts = f"{len(seen)} for training, {len(own)} for validation"
        raise ContractError(f"teacher of {domain} on {dataset.name}", "examples", counts, f"some of both, {LEAST} together")
    network = Mlp((prod(dataset.x.shape[2:]), *settings.hidden, dataset.num_classes))
    x = network.inputs(torch.as_tensor(dataset.x, device=device))
    y = torch.as_tensor(task.truth[seen][None].astype(np.float32), device=device)
    units = torch.arange(len(settings.prior_scale), device=device)
    one = torch.ones(len(units), device=device)
    scale = torch.tensor(settings.prior_scale, device=device)
    rows = torch.as_tensor(seen, device=device)
    problem = make_bernoulli(network, x[:, rows], y, torch.zeros_like(units), none, Shared(one, one, scale, one, one))
    start = init_ensemble(network, [derive(seed, "teacher", name=domain)] * len(units)).to(device)
    generator = torch.Generator(device).manual_seed(derive(seed, "teacher minibatch", name=domain))
    params = maximise(problem, start, units, settings.training, generator, settings.dropout)
    with torch.no_grad():
        logits = network.apply(params, x).cpu().numpy()
    prob = torch.sigmoid(torch.as_tensor(logits[:, own], dtype=torch.float64)).numpy()
    losses = [bernoulli_nll(each, task.truth[own]) for each in prob]
    best = int(np.nan_to_num(losses, nan=np.inf).argmin())
    log.info("teacher of %s: %d examples, prior scale %g", domain, len(seen), settings.prior_scale[best])
    told = {"teacher": domain, "examples": len(seen), "val_examples": len(own)}
    scales = enumerate(zip(settings.prior_scale, losses, strict=True))
    return logits[best], [{**told, "prior_scale": s, "val_nll": loss, "chosen": i == best} for i, (s, loss) in scales]


def _in_domain(dataset: Dataset, domain: str, rows: np.ndarray) -> np.ndarray:
    if dataset.domain is None or domain not in dataset.domain_names:
        known = ", ".join(dataset.domain_names) or "none: the dataset has no domains"
        raise ContractError(f"teachers on {dataset.name}", "domains", domain, known, nearest(domain, dataset.domain_names))
    return dataset.domain[0, rows] == dataset.domain_names.index(domain)
