"""Teachers, other ways to fit, saved students and questions on a GPU that is not there, see tests/bench/conftest.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensor

from mtbkd import MultiTeacherClassifier
from mtbkd.base import registry
from mtbkd.bench.gpu import agreement, teachers
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.contracts.draws import Draws
from mtbkd.inference import fitting
from mtbkd.inference.optimise import Training
from mtbkd.questions.baselines import question as baselines
from mtbkd.questions.curves import fitting as curves
from mtbkd.questions.curves.spec import Spec as CurveSpec
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.multilabel import question as multilabel
from mtbkd.questions.residues import question as residues
from mtbkd.questions.safety import question as safety
from mtbkd.serving import predicting, torch_teachers
from mtbkd.serving.bundle import Bundle
from mtbkd.students import module as own_module
from mtbkd.teachers import residual
from tests.conformance.examples import names
from tests.questions.baselines import examples as three
from tests.questions.multilabel import examples as several_labels
from tests.serving import examples as bundles

FEW = Sizes(training=2, inference=12)
QUICK = {"steps": 2, "restarts": 1}
TEMPERATURES = ("teacher_temperature", "student_temperature", "temperature")
STEPS = {"steps": 12, "burn_in": 4, "thin": 2, "chains": 2}
SEQUENCES = {"teacher_sequences": 6, "student_sequences": 6, "val_sequences": 6, "test_sequences": 6, "length": 10, "window": 2,
             "teacher_hidden": (4,), "student_hidden": (4,)}  # fmt: skip


def spec(student: str, inference: str = "map", **other: Any) -> fitting.Spec:
    found = agreement.spec(student, "tip", agreement.BY_LAMBDA, inference, FEW, 1, "cuda")
    return fitting.Spec.model_validate(found.model_dump() | other)


def fit(asked: fitting.Spec) -> Draws:
    data = agreement.dataset(asked.student.architecture)
    return fitting.fit(asked, data, agreement.teachers(data), range(2))


@pytest.mark.parametrize("family", names("teacher"))
def test_no_teacher_leaves_a_tensor_behind(family: str, no_numbers: None) -> None:
    if family not in teachers.EXAMPLES:
        pytest.skip(teachers.ELSEWHERE[family])
    data, part = agreement.dataset(teachers.EXAMPLES[family]), registry.part("teacher", family)
    logits = part.train("t", None, agreement.small(part, steps=2), data, 0, 0, "cuda", Path())
    assert logits.logits.shape == (*data.y.shape, agreement.CLASSES)


def test_a_network_from_a_file_computes_where_it_is_asked_to(no_numbers: None) -> None:
    network = residual.residual_network(3, (4, 8, 8), (1, 1, 1), 10, False, "padding")
    assert residual.logits_of(network, torch.zeros(5, 3, 32, 32), 2, "cuda").device.type == "cpu"


@pytest.mark.parametrize("student", ["mlp", "cnn"])
@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"layers": "last"}, id="last layer"),
        pytest.param({"tuned_by": {"name": "sgld", "settings": STEPS}}, id="tuned"),
        pytest.param({"stack_chains": True}, id="stacked"),
        pytest.param({"output": {"keep_params": True}}, id="kept"),
    ],
)
def test_no_way_to_fit_leaves_a_tensor_behind(student: str, other: dict[str, Any], no_numbers: None) -> None:
    assert fit(spec(student, "sgld", **other)).prob.shape[0] == 2


class Net(torch.nn.Sequential):
    """With a buffer, which does not learn."""

    def __init__(self, num_classes: int = agreement.CLASSES):
        super().__init__(torch.nn.Linear(3, 6), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(6, num_classes))
        self.register_buffer("shift", torch.ones(3))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(input + self.shift)


@pytest.fixture
def net() -> Any:
    """The student that the module becomes while it has numbers."""
    return own_module.build_from(Net(), own_module.Settings(path="Net", handed_over=True), (3,), agreement.CLASSES)


@pytest.mark.parametrize("other", [{}, {"layers": "last"}], ids=["all", "last"])
@pytest.mark.parametrize("inference", ["map", "sgld", "dropout", "laplace"])
def test_no_module_of_the_user_leaves_a_tensor_behind(
    inference: str, other: dict[str, Any], net: Any, no_numbers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Net().eval()  # of the same names and shapes, without numbers
    student = own_module.Module(**vars(net) | {"network": fake, "remake": lambda seed: Net()})
    monkeypatch.setattr(fitting, "student_of", lambda spec, dataset: student)
    data = agreement.dataset("mlp")
    assert fitting.fit(spec("mlp", inference, **other), data, agreement.teachers(data), range(2)).prob.shape[0] == 2


def test_a_torch_teacher_is_asked_where_it_lies(no_numbers: None) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).to("cuda")
    rows = np.zeros((5, 3), np.float32)
    loader = [(torch.zeros(2, 3), torch.zeros(2)), (torch.zeros(3, 3), torch.zeros(3))]
    for each in (None, loader):
        found = torch_teachers.answers("teacher", module, each, rows)
        assert found.shape == (5, 4) and found.device.type == "cpu"


@pytest.fixture
def bundle() -> Bundle:
    """Made while there are numbers."""
    return bundles.bundle()


def test_a_saved_student_predicts_where_it_is_asked_to(bundle: Bundle, no_numbers: None) -> None:
    x = np.zeros((5, bundle.mean.size), np.float32)
    found = list(predicting.predict_rows(bundle, list("abcde"), x, 0.0, 0.9, 2, "cuda"))
    assert [each.id for each in found] == list("abcde")


def inputs(**other: Any) -> Inputs:
    data = agreement.dataset("mlp")
    given: dict[str, Any] = {
        "name": "q", "seed": 3, "device": "cuda", "dataset": data, "teachers": agreement.teachers(data),
        "student": {"architecture": "mlp", "settings": {"hidden": [4]}},
        "posterior": {"lambda": (1.0,), "prior_scale": (0.5, 1.0)}, "training": Training.model_validate(QUICK),
    }  # fmt: skip
    return Inputs.in_memory(**{**given, **other})


def ask_curve() -> None:
    fit = agreement.spec("mlp", "tip", agreement.BY_LAMBDA, "map", FEW, 1, "cuda").model_dump()
    asked = {"curve": "c", "teachers": "two", "fit": fit, "steps": [2], "labels": [20], "folds": 2, "transfer": (True, False)}
    data = agreement.dataset("mlp")
    curves.fit_curve(CurveSpec.model_validate(asked), data, agreement.teachers(data), range(2))


def ask_multilabel() -> None:
    domain = {"domains": list(several_labels.DOMAINS), "hidden": [4], "training": QUICK, "prior_scale": [1.0]}
    methods = {
        "labels_map": {"signal": "none"},
        "kd_sgld": {"signal": "kd", "weights": "equal", "inference": "sgld", "settings": STEPS},
    }
    settings = multilabel.Settings.model_validate({"teachers": domain, "methods": methods, "tuning_replicates": 1})
    multilabel.run(several_labels.inputs(device="cuda", training=Training.model_validate(QUICK)), settings)


def ask_safety() -> None:
    settings = safety.Settings.model_validate({"classes": ["c"], "limits": [0.2], "rounds": 2, "round_steps": 2})
    posterior = {name: (1.0,) for name in ("lambda", "beta", "prior_scale", *TEMPERATURES)}
    safety.run(inputs(posterior=posterior), settings)


def ask_residues() -> None:
    residues.run(
        inputs(replicates=1, posterior={"lambda": (4.0,), "prior_scale": (0.5,)}), residues.Settings.model_validate(SEQUENCES)
    )


def ask_baselines() -> None:
    data = three.toy(2, hidden_labels=20)
    settings = baselines.Settings(methods=("aver", "camkd", "takd"), share=(0.2,), temperature=(4.0,))
    baselines.run(inputs(dataset=data, teachers=three.teachers(data), replicates=2, blocks=("r0-1",)), settings)


QUESTIONS: dict[str, Callable[[], Any]] = {
    "curves": ask_curve, "multilabel": ask_multilabel, "safety": ask_safety, "residues": ask_residues,
    "baselines": ask_baselines,
}  # fmt: skip


@pytest.mark.parametrize("kind", QUESTIONS)
def test_no_question_leaves_a_tensor_behind(kind: str, no_numbers: None) -> None:
    QUESTIONS[kind]()


def test_the_estimator_fits_saves_and_predicts_on_the_device(no_numbers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeTensor, "tolist", lambda tensor: np.zeros(tuple(tensor.shape), int).tolist())  # its only row
    data = agreement.dataset("mlp")
    said = np.full((data.num_examples, agreement.CLASSES), 1 / agreement.CLASSES)
    student = MultiTeacherClassifier(signal="tip", inference="sgld", settings=STEPS, hidden=(4,), training=QUICK, device="cuda")
    x, y = data.x[0].reshape(data.num_examples, -1), np.where(data.y[0] < 0, 0, data.y[0])
    assert student.fit(x, y, teachers={"even": said}).predict_proba(x).shape == said.shape
