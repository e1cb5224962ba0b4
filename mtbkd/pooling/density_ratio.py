"""Context-scale weights: how much denser an example's inputs lie in a teacher's training domain than in all training data.

w_g is proportional to p(x | domain of g) / p(x) = P(domain of g | x) / P(domain of g), by a logistic regression of the domain
on the inputs' first principal components, fitted on training examples. A teacher who was trained on all domains has ratio 1.
"""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.base.errors import ContractError
from mtbkd.pooling import equal, normalised
from mtbkd.pooling.context import Context

MIN_TEACHERS = 2
NEEDS = frozenset({"inputs"})
COMPONENTS, EXAMPLES, LEAST = 20, 3_000, 1e-6


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Equal weights (R, N, G): no input is known."""
    return equal.weights(prob)


def weights_of(prob: np.ndarray, context: Context) -> np.ndarray:
    """Weights (R, N, G).

    Raises:
        ContractError: no teacher has a domain of its own, or the dataset has none.
    """
    dataset = context.dataset
    own = [teacher.card.get("domain") for teacher in context.teachers]
    if dataset.domain is None or not any(own):
        raise ContractError(f"weights density_ratio on {dataset.name}", "domains", "no teacher with its own domain",
                            "a dataset with domains and teachers trained on them", "use other weights")  # fmt: skip
    ratios = [_ratios(context, row, own) for row in range(dataset.num_replicates)]
    return np.broadcast_to(normalised(np.stack(ratios)), prob.shape[:3]).copy()


def _ratios(context: Context, row: int, own: list[str | None]) -> np.ndarray:
    """P(domain of g | x) / P(domain of g) (N, G) in one replicate."""
    dataset = context.dataset
    assert dataset.domain is not None
    train = dataset.rows("train")[:EXAMPLES]
    x, domain = dataset.x[row].reshape(dataset.num_examples, -1), dataset.domain[row]
    model = _classifier(min(COMPONENTS, x.shape[1], len(train))).fit(x[train], domain[train])
    share = np.bincount(domain[train], minlength=len(dataset.domain_names)) / len(train)
    posterior = np.zeros((len(context.rows), len(share)))
    posterior[:, model.classes_] = model.predict_proba(x[context.rows])
    ratio = np.divide(posterior, share, where=share > 0, out=np.zeros_like(posterior))
    columns = [np.ones(len(ratio)) if name is None else ratio[:, dataset.domain_names.index(name)] for name in own]
    return np.maximum(np.stack(columns, -1), LEAST)


def _classifier(components: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), PCA(components, random_state=0), LogisticRegression(max_iter=500))
