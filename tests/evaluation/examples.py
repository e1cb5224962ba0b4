"""A tiny experiment written with the real artefact classes, its probabilities known: for tests of tables and figures."""

import numpy as np
import pandas as pd

from mtbkd.contracts.artefacts import Dataset
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation.evaluate import evaluate_experiment
from mtbkd.inference.convergence import Claim, judge

K, C, S = 3, 4, 30
LEVELS = [0.85, 0.9]
SPLIT = np.array(["train"] * 30 + ["val"] * 30 + ["test"] * 60 + ["ood:far"] * 20)
N, EVALUATED = len(SPLIT), np.arange(60, 140)


def softmax(logits):
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    return prob / prob.sum(-1, keepdims=True)


def make_dataset(replicates, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(replicates, N, K)).astype(np.float32)
    true_prob = softmax(2 * x)
    y = (rng.random((replicates, N, 1)) > true_prob.cumsum(-1)).sum(-1).clip(max=K - 1)
    y[:, SPLIT == "ood:far"] = -1
    true_prob[:, SPLIT == "ood:far"] = 1 / K
    domain = (x[..., 0] > 0).astype(np.int64)
    ids = np.array([f"e{i}" for i in range(N)])
    return Dataset("tiny", x, y, SPLIT, ("a", "b", "c"), ids, domain, ("left", "right"), true_prob.astype(np.float32))


def make_draws(dataset, replicates, spread, attrs, shape=(C, S), diverged=()):
    """Draws around the true logits; far examples are vague."""
    rng = np.random.default_rng(attrs["seed"])
    r = np.zeros(len(replicates), int) if dataset.num_replicates == 1 else np.arange(len(replicates))
    centre = 2 * dataset.x[r][:, EVALUATED] * (SPLIT[EVALUATED] != "ood:far")[:, None]
    prob = softmax(centre[:, None, None] + spread * rng.normal(size=(len(r), *shape, 80, K))).astype(np.float32)
    lost = np.zeros((len(r), shape[0]), bool)
    for at in diverged:
        lost[at] = True
    prob[lost] = np.nan
    log_posterior = rng.normal(size=(len(r), *shape))
    log_likelihood = -rng.exponential(size=(len(r), *shape, 4)).astype(np.float32)
    heat = {"temperature": rng.normal(1, 0.1, (len(r), *shape))}
    kind = "point" if shape[1] == 1 else "chains" if shape[0] > 1 else "independent"
    tuning = [{"lambda": a, "replicate": n, "val_nll": 1.0 + a, "chosen": a == 1} for a in (1, 2) for n in replicates]
    return Draws(
        np.array(replicates), log_posterior, prob[:, :, :, :2], EVALUATED[:2], log_likelihood,
        np.zeros((len(r), 4), np.int64), prob, EVALUATED, lost,
        gates=judge(Claim(kind, kind != "point"), log_posterior, prob[:, :, :, :2], heat, lost, np.array(replicates)),
        tuning=tuning, attrs=attrs,
    )  # fmt: skip


def run(folder, methods, data, logits, out="out"):
    files = {}
    for name, blocks in methods.items():
        for block, draws in blocks.items():
            path = folder / f"{name}-{block}.nc"
            draws.write(path)
            files.setdefault(name, {})[block] = path
    evaluate_experiment("smoke", "exp", "tiny", data, logits, files, LEVELS, folder / out)
    return {path.stem: pd.read_parquet(path) for path in (folder / out).iterdir()}


MAP = {"signal": "none", "weights": None, "inference": "map", "seed": 1}
TIP = {"signal": "tip", "weights": "equal", "inference": "sgld", "seed": 2}
