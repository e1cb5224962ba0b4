"""What inference modules claim of their draws holds on a target that is known: N(m, s^2 I) of three parameters."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.base import registry
from mtbkd.inference import Context, Fit
from mtbkd.inference.optimise import Training
from mtbkd.questions.exact.density import Density
from tests.conformance.examples import small

# An sd that the default steps of every sampler cross many times within LONGER.
CENTRE, SD = np.array([0.2, -0.1, 0.0]), 0.03
LONGER = {"steps": 4000, "burn_in": 1000, "thin": 10, "chains": 8}
# Without noise of minibatches gradients vanish at the mode where chains start, so its preconditioner needs a bound.
OWN: dict[str, dict[str, Any]] = {"psgld": {"damping": 1.0, "step_size": 3e-5}}
# What short runs allow: cyclical SGLD reaches .87 here, all others .92 to 1.15.
SPREAD, SHIFT = (0.7, 1.4), 0.5
CONTEXT = Context(seed=3, replicates=(0,), training=Training(steps=300), device="cpu")
CLAIMING = [name for name in registry.INFERENCE if registry.part("inference", name).CLAIMS_POSTERIOR]


def gaussian() -> Density:
    def log_prob(theta: torch.Tensor) -> torch.Tensor:
        return -0.5 * ((theta - torch.as_tensor(CENTRE).to(theta)) / SD).square().sum(-1)

    return Density(log_prob, lambda theta: -0.5 * (((theta - CENTRE) / SD) ** 2).sum(), CENTRE, np.full(3, SD))


def fit(name: str, module: ModuleType) -> Fit:
    settings = small(module)
    sizes = settings.model_dump() | {key: value for key, value in LONGER.items() if key in type(settings).model_fields}
    settings, target = type(settings).model_validate(sizes | OWN.get(name, {})), gaussian()
    return module.run(target, settings, module.init(target, settings, CONTEXT), CONTEXT)


def keeps_its_claim(found: Fit) -> bool:
    """Whether every parameter's sd is SPREAD times the exact one, and its mean within SHIFT exact sds."""
    draws = found.params.flatten(0, 2).double().numpy()
    ratio, shift = draws.std(0) / SD, np.abs(draws.mean(0) - CENTRE) / SD
    return bool((SPREAD[0] < ratio).all() and (ratio < SPREAD[1]).all() and (shift < SHIFT).all())


@pytest.mark.parametrize("name", CLAIMING)
def test_who_claims_a_posterior_has_the_spread_of_a_gaussian(name: str) -> None:
    assert keeps_its_claim(fit(name, registry.part("inference", name)))


@pytest.mark.parametrize("scale", [1e-3, 0.5, 2.0])
def test_a_claim_of_the_wrong_spread_is_caught(scale: float) -> None:
    noise = torch.randn((1, 1, 400, 3), generator=torch.Generator().manual_seed(0))
    centre = torch.as_tensor(CENTRE).float()
    assert keeps_its_claim(Fit(centre + SD * noise))
    assert not keeps_its_claim(Fit(centre + scale * SD * noise))


@pytest.mark.parametrize("name", registry.INFERENCE)
def test_a_point_claims_no_posterior(name: str) -> None:
    module = registry.part("inference", name)
    assert not (module.DRAWS == "point" and module.CLAIMS_POSTERIOR)
