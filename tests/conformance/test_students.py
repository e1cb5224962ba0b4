"""Every student: pure functions of flat parameters. E members, N examples, K classes, P parameters."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd.base import registry
from mtbkd.students import Student, automatic_vjp, init_ensemble
from tests.conformance.examples import FEATURES, features_of, names, small

ROOT = Path(__file__).resolve().parents[2]
MEMBERS, EXAMPLES, CLASSES = 3, 7, 3


class Case:
    """A small student with an ensemble ``params`` (E, P) and inputs ``x`` (1, N, *inputs)."""

    def __init__(self, name: str):
        module = registry.part("student", name)
        self.settings, self.features = small(module), features_of(module)
        self.module = module
        self.student: Student = module.build(self.settings, self.features, CLASSES)
        self.params = init_ensemble(self.student, list(range(MEMBERS)))
        raw = torch.randn((1, EXAMPLES, *self.features), generator=torch.Generator().manual_seed(1))
        self.x = self.student.inputs(raw)


@pytest.fixture(params=names("student"))
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def test_the_configuration_counts_parameters_and_hidden_layers_as_the_network_does(case: Case) -> None:
    of = (case.settings, case.features, CLASSES)
    assert case.module.num_params(*of) == case.student.num_params == case.params.shape[1]
    assert case.module.hidden_sizes(*of) == case.student.hidden


def test_counting_parameters_does_not_import_torch() -> None:
    code = f"""
import sys
from mtbkd.base import registry
from mtbkd.base.errors import MtbkdError
for name in set(registry.STUDENTS) - {{"module"}}:  # counted by building it
    module, counted = registry.part("student", name), False
    for features in {FEATURES}:
        try:
            module.num_params(module.Settings(), features, 3), module.hidden_sizes(module.Settings(), features, 3)
            counted = True
        except MtbkdError:
            pass
    assert counted, name
print("torch" in sys.modules)"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_start_depends_on_the_generator_only_and_its_spread_on_the_scale(case: Case) -> None:
    first, again = (case.student.init(torch.Generator().manual_seed(5)) for _ in range(2))
    wide = case.student.init(torch.Generator().manual_seed(5), 3.0)
    assert torch.equal(first, again) and wide.std() > 2 * first.std()
    assert not torch.equal(first, case.student.init(torch.Generator().manual_seed(6)))


def test_shared_inputs_give_what_own_inputs_give(case: Case) -> None:
    shared = case.student.apply(case.params, case.x)
    own = case.student.apply(case.params, case.x.expand(MEMBERS, *case.x.shape[1:]).contiguous())
    assert shared.shape == (MEMBERS, EXAMPLES, CLASSES)
    torch.testing.assert_close(shared, own, rtol=1e-4, atol=1e-5)


def test_members_and_examples_do_not_see_each_other(case: Case) -> None:
    together = case.student.apply(case.params, case.x)
    for member in range(MEMBERS):
        alone = case.student.apply(case.params[member : member + 1], case.x[:, 2:4])
        torch.testing.assert_close(together[member : member + 1, 2:4], alone, rtol=1e-4, atol=1e-5)


def test_double_precision_gives_the_same_in_more_digits(case: Case) -> None:
    single = case.student.apply(case.params, case.x)
    double = case.student.apply(case.params.double(), case.x.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-5)


def test_every_parameter_has_a_finite_gradient_and_matters(case: Case) -> None:
    params = case.params.clone().requires_grad_()
    log_q = torch.log_softmax(case.student.apply(params, case.x), -1)
    (grad,) = torch.autograd.grad(log_q[..., 0].sum(), params)
    assert torch.isfinite(grad).all() and (grad != 0).any(0).float().mean() > 0.5


@pytest.mark.parametrize("own_inputs", [False, True])
@pytest.mark.parametrize("dropout", [False, True])
def test_the_written_out_derivative_is_the_automatic_one(case: Case, own_inputs: bool, dropout: bool) -> None:
    generator = torch.Generator().manual_seed(4)
    params, x = case.params.double(), case.x.double()
    if own_inputs:
        x = torch.randn((MEMBERS, *x.shape[1:]), generator=generator, dtype=x.dtype)
    shapes = [(MEMBERS, EXAMPLES, h) for h in case.student.hidden]
    keep = [(torch.rand(shape, generator=generator) > 0.4).double() / 0.6 for shape in shapes] if dropout else None
    target = torch.randn((MEMBERS, EXAMPLES, CLASSES), generator=generator, dtype=x.dtype)
    found, expected = (
        vjp(params, x, lambda logits: target - torch.softmax(logits, -1), keep)
        for vjp in (case.student.vjp, partial(automatic_vjp, case.student))
    )
    assert not found.requires_grad
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_baked_masks_act_as_masks_in_the_forward_pass(case: Case) -> None:
    generator = torch.Generator().manual_seed(2)
    masks = [(torch.rand((MEMBERS, h), generator=generator) > 0.4).float() / 0.6 for h in case.student.hidden]
    masked = case.student.apply(case.params, case.x, [mask.unsqueeze(1) for mask in masks])
    before = case.params.clone()
    baked = case.student.bake(case.params, masks)
    torch.testing.assert_close(case.student.apply(baked, case.x), masked, rtol=1e-4, atol=1e-5)
    assert torch.equal(case.params, before)
    if masks:
        assert not torch.allclose(masked, case.student.apply(case.params, case.x))


def test_the_symbolic_form_agrees_or_is_refused(case: Case) -> None:
    import pytensor
    import pytensor.tensor as pt

    theta, x = pt.dvector(), pt.TensorType("float64", (None,) * (case.x.ndim - 1))()
    if not case.module.SYMBOLIC:
        with pytest.raises(NotImplementedError, match="SYMBOLIC"):
            case.student.apply_symbolic(theta, x)
        return
    logits = case.student.apply_symbolic(theta, x)
    compiled = pytensor.function([theta, x], logits, mode="FAST_COMPILE")
    expected = case.student.apply(case.params[:1].double(), case.x.double())[0]
    np.testing.assert_allclose(compiled(case.params[0].double().numpy(), case.x[0].double().numpy()), expected, atol=1e-9)
