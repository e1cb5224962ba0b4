"""Section VII: contraction of weight updates (VII.1), perturbed weights (VII.2), variance of gradients (VII.4)."""

from collections.abc import Callable

import numpy as np

from mtbkd.questions.adaptive.result import Result
from mtbkd.questions.adaptive.student import reweighted, task

GAIN = 4.0  # how strongly weights follow the student's losses
PAIR = np.array([[0.9, 0.1], [0.1, 0.9]])
RIDGE, DELTAS = 0.1, (0.1, 0.01, 0.001)
OPPOSITE = np.array(
    [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]]
)  # teachers (G, N, V): one says the reverse of the other
SKEWED = np.array([0.8, 0.2])
Update = Callable[[np.ndarray], np.ndarray]


def feedback(w: np.ndarray) -> np.ndarray:
    """The weight of the first teacher, softmax of minus GAIN times the losses of a student that fits the pool with weight w."""
    pooled = np.stack([w, 1 - w], -1) @ PAIR
    losses = -np.log(pooled) @ PAIR.T
    return 1 / (1 + np.exp(GAIN * (losses[..., 0] - losses[..., 1])))


def lipschitz(of: Update) -> float:
    """The largest slope of a map of one weight on a fine grid."""
    grid = np.linspace(0.01, 0.99, 9_801)
    return float(np.abs(np.gradient(of(grid), grid)).max())


def contraction() -> list[Result]:
    """Two readings of the update that VII.1 leaves abstract, both with steps beta below 1 / L."""
    steepness = lipschitz(feedback)
    beta = 0.8 / steepness

    def mixed(w: np.ndarray) -> np.ndarray:
        return (1 - beta) / 2 + beta * feedback(w)

    def damped(w: np.ndarray) -> np.ndarray:
        return (1 - beta) * w + beta * feedback(w)

    grid = np.linspace(0.01, 0.99, 99)
    limits = {name: len(np.unique(_iterate(of, grid, 2_000).round(6))) for name, of in (("mixed", mixed), ("damped", damped))}
    slope, where = lipschitz(mixed), "weights follow the losses of a student of two teachers, beta = 0.8 / L"
    claim = "Steps beta < 1 / L make the update a contraction."
    return [
        Result("VII.1", claim, f"w <- (1 - beta) / 2 + beta F(w); {where}", "contraction constant", slope,
               beta * steepness, slope <= beta * steepness + 1e-9, "beta L, as stated: F enters through beta alone."),
        Result("VII.1", "The fixed point is unique.", "the same", "limits of 99 starts", limits["mixed"], 1,
               limits["mixed"] == 1, "Banach's theorem."),
        Result("VII.1", claim, f"w <- (1 - beta) w + beta F(w); {where}", "largest slope of the update", lipschitz(damped), 1.0,
               lipschitz(damped) < 1,
               "The constant is 1 - beta + beta L: no step helps where L > 1; the theorem supposes it away.", claimed=False),
        Result("VII.1", "The fixed point is unique.", "the same", "limits of 99 starts", limits["damped"], 1,
               limits["damped"] == 1, "The teacher that leads at first wins; the third limit is unstable.", claimed=False),
    ]  # fmt: skip


def _iterate(of: Update, start: np.ndarray, steps: int) -> np.ndarray:
    for _ in range(steps):
        start = of(start)
    return start


def perturbation(rng: np.random.Generator) -> list[Result]:
    """VII.2 on softmax regression with a ridge, and on one token where nothing is strongly convex."""
    own = task("safety first", True, RIDGE, rng)
    best, ratios, excess = own.optimum(), {}, {}
    for delta in DELTAS:
        shifts = delta * np.array([[1.0, -1.0]]) * rng.choice((-1.0, 1.0), (8, len(own.features), 1))
        moved = np.array([reweighted(own, own.weights + shift).optimum() for shift in shifts])
        ratios[delta] = float(np.linalg.norm(moved - best, axis=(1, 2)).max()) / delta
        excess[delta] = float((own.loss(moved) - own.loss(best)).max())
    order = float(np.polyfit(np.log(DELTAS), np.log(list(excess.values())), 1)[0])
    told = ", ".join(f"{ratio:.3f}" for ratio in ratios.values())
    constant = 2 * float(np.linalg.norm(own.features, axis=1).max()) / RIDGE
    vanishing = [1 / (w * (1 - w)) for w in (0.2, 0.001)]
    worst = max(ratios.values())
    return [
        Result("VII.2", "Optima move by at most C delta.", "softmax regression with ridge 0.1, delta 0.1 to 0.001",
               "largest move per delta", worst, constant, worst <= constant,
               f"C = K max |x| / ridge. Per delta: {told}; so the order is tight (IX-C)."),
        Result("VI.4", "Weights that are off by delta cost O(delta) in loss.", "the same", "slope of log excess in log delta",
               order, 1.0, order >= 1, "Of second order under the true weights, as their optimum is flat."),
        Result("VII.2, limit", "The same C serves all weights without strong convexity.",
               "one token, two certain teachers, no ridge; weights 0.2 and 0.001", "move per delta at weight 0.001",
               vanishing[1], vanishing[0], vanishing[1] <= vanishing[0], "1 / (w (1 - w)): C grows as the floor falls.",
               claimed=False),
    ]  # fmt: skip


def gradients(prob: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Gradients (N, V) by the logits of an untrained student, of teachers ``prob`` (G, N, V) with fixed weights (G,)."""
    return 1 / prob.shape[-1] - np.einsum("g,gnv->nv", weights, prob)


def spread(values: np.ndarray) -> float:
    """Total variance over the inputs, of values (N, V)."""
    return float(values.var(0).sum())


def gradient_variance(rng: np.random.Generator, count: int) -> list[Result]:
    """VII.4: the exact counterexample, how often random teachers break it, and a bound that holds."""
    bound = (SKEWED.max() / SKEWED.min()) ** 2
    uniform = spread(gradients(OPPOSITE, np.array([0.5, 0.5])))
    skewed = spread(gradients(OPPOSITE, SKEWED))
    own = [rng.dirichlet((0.5, 0.5, 0.5), (2, 3)) for _ in range(count)]
    # The second teacher contradicts the first, up to a tenth.
    against = [np.stack([p[0], 0.9 * (2 / 3 - p[0]).clip(0) + 0.1 * p[1]]) for p in own]
    against = [p / p.sum(-1, keepdims=True) for p in against]
    broken = np.mean([spread(gradients(p, SKEWED)) > bound * spread(gradients(p, np.full(2, 0.5))) for p in against])
    ratio = max(spread(gradients(p, SKEWED)) / _weighted(p, SKEWED) for p in (*own, *against))
    claim = "Var of the gradient is at most (w_max / w_min)^2 times that under uniform weights."
    return [
        Result("VII.4", claim, "two teachers that contradict each other on two inputs, weights 0.8 and 0.2",
               "variance of the gradient", skewed, bound * uniform, skewed <= bound * uniform,
               "Uniform weights cancel the gradients; any others do not."),
        Result("VII.4", claim, f"{count:,} random pairs, one mostly against the other, three inputs", "share that breaks it",
               float(broken), 0.0, broken == 0, "Not confined to the exact case."),
        Result("VII.4, repaired", "Var is at most (sum_k w_k sigma_k)^2, sigma_k^2 that of teacher k alone.",
               f"these and {count:,} independent pairs", "largest ratio to the bound", ratio, 1.0, ratio <= 1 + 1e-9,
               "The triangle inequality; so never above the noisiest teacher's.", claimed=False),
    ]  # fmt: skip


def _weighted(prob: np.ndarray, weights: np.ndarray) -> float:
    alone = [np.sqrt(spread(gradients(prob, one))) for one in np.eye(len(weights))]
    return float((weights @ np.array(alone)) ** 2)


def results(rng: np.random.Generator, count: int) -> list[Result]:
    """VII.1, VII.2 and VII.4; ``count`` random pairs of teachers."""
    return [*contraction(), *perturbation(rng), *gradient_variance(rng, count)]
