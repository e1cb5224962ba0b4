"""A torch module as the student of a study: checked with the configuration, planned, fitted, anew where its code changed."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.data.datasets import sim1
from mtbkd.inference.fitting import Spec, fit
from mtbkd.report.cards import student_named
from mtbkd.serving.bundle import Bundle
from mtbkd.serving.making import make_bundle
from mtbkd.study import config
from mtbkd.study.plan import make_plan

NETS = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, units=6, dropout=nn.Dropout):
        super().__init__()
        self.layers = nn.Sequential(nn.LazyLinear(units), nn.ReLU(), dropout(), nn.Linear(units, num_classes))
    def forward(self, x):
        return self.layers(x)

def alpha(num_classes):
    return Net(num_classes, dropout=nn.AlphaDropout)

def normalised(num_classes):
    return nn.Sequential(nn.LazyLinear(6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, num_classes))
"""
EXAMPLE = """
study: small
posterior: {prior_scale: 1}
training: {steps: 40, restarts: 2}
datasets: {sim: {kind: sim1, settings: {n_train: 60, n_val: 20, n_test: 30}}}
teachers: {b1: {family: mlp, domain: b1}}
students: {net: {architecture: module, settings: {path: nets.py:Net, arguments: {units: 5}}}}
methods:
  labels_map: {signal: none, inference: map}
  labels_dropout: {signal: none, inference: dropout, settings: {draws: 20}}
  head_laplace: {signal: none, inference: laplace, layers: last, settings: {draws: 20, polish: 20}}
  labels_nuts: {signal: none, inference: nuts}
studies:
  small:
    replicates: 2
    experiments: {sim: {dataset: sim, teachers: [b1], student: net, methods: [labels_map, labels_dropout, head_laplace]}}
"""
SIM = sim1.Settings(n_train=60, n_val=20, n_test=30)


@pytest.fixture(autouse=True)
def _code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)


def raw(methods: list[str] | None = None, **settings: Any) -> dict[str, Any]:
    content = yaml.safe_load(EXAMPLE)
    content["students"]["net"]["settings"] |= settings
    if methods:
        content["studies"]["small"]["experiments"]["sim"]["methods"] = methods
    return content


def spec_of(content: dict[str, Any], method: str) -> Spec:
    return Spec.model_validate(make_plan(config.load(content)).experiments["sim"].methods[method])


def test_a_study_fits_it_and_makes_bundles_of_it(tmp_path: Path) -> None:
    data = sim1.prepare("sim", SIM, 0, range(2), tmp_path)
    for method, draws in (("labels_map", 1), ("labels_dropout", 20), ("head_laplace", 20)):
        spec = spec_of(raw(), method)
        found = fit(spec, data, [], range(2))
        assert found.prob.shape[:3] == (2, 1, draws) and np.isfinite(found.log_posterior).all()
        assert found.attrs["num_params"] == 5 * 3 + 6 * 2
    made = make_bundle(spec, data, [], "small", "sim")
    made.write(tmp_path / "student")
    again = Bundle.read(tmp_path / "student", "nets.py:Net")
    x = data.x[0, :5]
    np.testing.assert_allclose(again.draw_probs(x), made.draw_probs(x), rtol=0, atol=1e-6)
    with pytest.raises(ContractError, match=re.escape("mtbkd predict --module nets.py:Net")):
        Bundle.read(tmp_path / "student")


def test_fits_are_made_anew_where_the_code_changed(tmp_path: Path) -> None:
    spec = spec_of(raw(), "labels_map")
    assert spec == spec_of(raw(), "labels_map")
    (tmp_path / "nets.py").write_text(NETS.replace("nn.ReLU", "nn.Tanh"))
    assert spec.student != spec_of(raw(), "labels_map").student
    data = sim1.prepare("sim", SIM, 0, range(1), tmp_path)
    with pytest.raises(ContractError, match=r"nets\.py: content: found another one than when the run was planned"):
        fit(spec, data, [], range(1))


def test_the_page_names_the_code() -> None:
    planned = {"student": "net", "methods": {"labels_map": spec_of(raw(), "labels_map").model_dump()}}
    assert student_named(planned) == "net (torch module nets.py:Net)"
    plain = {"architecture": "mlp", "settings": {"hidden": [3]}}
    assert student_named({"student": "mlp_3", "methods": {"labels_map": {"student": plain}}}) == "mlp_3"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (raw(path="nest.py:Net"), "studies.small.experiments.sim.student: nest.py"),
        (raw(path="nets.py:Nets"), "found no 'Nets' there; expected a class or function of it. Hint: did you mean 'Net'?"),
        (raw(arguments={"unit": 3}), "found 'unit'; expected num_classes, units, dropout. Hint: did you mean 'units'?"),
        (raw(path="nets.py:normalised", arguments={}), "normalization: found BatchNorm1d '1'; expected layers without"),
        (raw(normalisation="group"), "students.net.settings.normalisation: unknown key; allowed: arguments, "),
        (raw(torchvision="resnet18"), "students.net.settings: allowed: either path or torchvision"),
        (raw(normalization="batch"), "students.net.settings.normalization: found 'batch'; allowed: refuse, group, constant"),
        (raw(["labels_nuts"]), "found 'labels_nuts' with student 'net' of architecture 'module', which PyMC cannot express"),
        (raw(["labels_dropout"], path="nets.py:alpha", arguments={}), "whose dropout layer 'layers.2' no mask stands for"),
        (raw(["head_laplace"], train="head"), "which has no hidden layer before a dense last one"),
        (raw(["head_laplace"], arguments={"units": 3_000}), "of 6,002 parameters; allowed: at most 2,000 for inference"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_the_configuration(content: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        config.load(content)
    assert len(str(caught.value).splitlines()) == 2
