"""Torch modules in the estimator: fitted, saved, loaded with their code in hand, refused before any work."""

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from torch import nn

import mtbkd
from mtbkd import MultiTeacherClassifier
from mtbkd.serving import cli
from mtbkd.serving.bundle import FILES
from tests.conformance.networks import Net

QUICK = {"steps": 60, "restarts": 1}
ONE = {"lambda": 1, "prior_scale": 1}
SGLD = {"steps": 120, "burn_in": 40, "thin": 2, "chains": 2, "step_size": 1e-4}


def estimator(student: Any, inference: str = "map", **settings: Any) -> MultiTeacherClassifier:
    plain = {"training": QUICK, "grid": ONE, "device": "cpu", "settings": SGLD if inference == "sgld" else None}
    return MultiTeacherClassifier(student=student, inference=inference, **(plain | settings))


def of(path: Any, **settings: Any) -> dict[str, Any]:
    return {"architecture": "module", "settings": {"path": path, **settings}}


def small(inputs: int = 4, classes: int = 3) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(inputs, 6), nn.ReLU(), nn.Linear(6, classes))


def images(classes: int = 3, rows: int = 90) -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return x[y < classes][:rows], y[y < classes][:rows]


def agrees(again: MultiTeacherClassifier, student: MultiTeacherClassifier, x: np.ndarray) -> None:
    np.testing.assert_allclose(again.predict_proba(x), student.predict_proba(x), rtol=0, atol=1e-6)


def made_here(num_classes: int) -> nn.Module:
    return small(4, num_classes)


def test_a_class_that_can_be_imported_is_loaded_by_its_name(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    student = estimator(Net, "sgld").fit(x, y)
    again = mtbkd.load(student.save(tmp_path / "student"))
    agrees(again, student, x)
    assert again.student == of("tests.conformance.networks.Net") and student.score(x, y) > 0.5
    card = json.loads((tmp_path / "student" / FILES[1]).read_text())
    assert card["architecture"] == "module"
    assert any("not its code, which is tests.conformance.networks.Net" in told for told in card["limits"])


def test_a_module_handed_over_starts_from_its_weights_and_is_needed_to_load(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    student = estimator(clone(estimator(small())).student).fit(x, y)
    student.save(tmp_path / "student")
    with pytest.raises(ValueError, match=r"found the code torch\.nn\.modules\.container\.Sequential, which the file does not"):
        mtbkd.load(tmp_path / "student")
    again = mtbkd.load(tmp_path / "student", module=small())
    agrees(again, student, x)
    again.save(tmp_path / "again")  # and as it was saved once
    agrees(mtbkd.load(tmp_path / "again", module=small()), student, x)


def test_code_that_no_import_leads_to_is_needed_to_load(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    for number, (code, name) in enumerate(
        [(lambda num_classes: small(4, num_classes), "<lambda>"), (made_here, "'tests.serving.test_modules.made_here'")]
    ):
        student = estimator(code).fit(x, y)
        folder = student.save(tmp_path / str(number))
        with pytest.raises(ValueError, match=re.escape(f"module={name}")):  # a function would be called at a file's word
            mtbkd.load(folder)
        agrees(mtbkd.load(folder, module=code), student, x)


def test_code_that_changed_is_found_out(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    folder = estimator(small()).fit(x, y).save(tmp_path / "student")
    torch.manual_seed(1)
    other = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    with pytest.raises(ValueError, match="module: found other answers than when it was saved"):
        mtbkd.load(folder, module=other)
    with pytest.raises(ValueError, match="module: found 60 weights of"):
        mtbkd.load(folder, module=nn.Sequential(nn.Linear(4, 7), nn.ReLU(), nn.Linear(7, 2), nn.Linear(2, 3)))
    plain = MultiTeacherClassifier(hidden=(4,), inference="map", training=QUICK, grid=ONE).fit(x, y)
    with pytest.raises(ValueError, match="module: found one; expected none, as the student is of architecture mlp"):
        mtbkd.load(plain.save(tmp_path / "plain"), module=small())


def test_a_card_does_not_make_anything_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder from anybody may name any code: only classes of modules are made at its word."""
    from mtbkd.serving.bundle import seal

    x, y = load_iris(return_X_y=True)
    folder = estimator(Net).fit(x, y).save(tmp_path / "student")
    (folder / "estimator.json").unlink()
    (tmp_path / "nets.py").write_text("open('ran', 'w')\n")
    monkeypatch.chdir(tmp_path)
    content = json.loads((folder / FILES[1]).read_text())
    for path, arguments in (("nets.py:Net", {}), ("os.mkdir", {"path": "ran"})):
        content["settings"] |= {"path": path, "arguments": arguments}
        (folder / FILES[1]).write_text(json.dumps({**content, "seal": seal(content)}))
        with pytest.raises(ValueError, match=f"module: found the code {path}, which the file does not hold"):
            mtbkd.load(folder)
        assert not (tmp_path / "ran").exists()


def test_frozen_numbers_and_buffers_are_kept_where_the_code_draws_them(tmp_path: Path) -> None:
    class Random(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("basis", torch.as_tensor(np.random.default_rng().normal(size=(4, 6)), dtype=torch.float32))
            self.last = nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(torch.cos(x @ self.basis))

    x, y = load_iris(return_X_y=True)
    student = estimator(module := Random()).fit(x, y)
    folder = student.save(tmp_path / "student")
    agrees(mtbkd.load(folder, module=Random), student, x)
    agrees(mtbkd.load(folder, module=module), student, x)


@pytest.mark.parametrize("inference", ["laplace", "sgld", "vi", "hmc"])
def test_the_last_layer_alone_is_drawn_and_the_others_are_kept_once(inference: str, tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    settings = {"laplace": {"draws": 50, "polish": 20}, "sgld": SGLD, "vi": {"steps": 50, "draws": 50},
                "hmc": {"draws": 30, "warmup": 50, "chains": 2}}[inference]  # fmt: skip
    student = estimator(small(), inference, settings=settings, layers="last").fit(x, y)
    assert student.bundle_.params.shape[1] == 7 * 3 and student.bundle_.card.settings["train"] == "head"
    again = mtbkd.load(student.save(tmp_path / "student"), module=small())
    agrees(again, student, x)
    assert student.predict_interval(x[:5]).high.max() > student.predict_proba(x[:5]).max()


@pytest.mark.slow
def test_the_last_layer_of_a_resnet_of_torchvision_is_fitted_in_seconds(tmp_path: Path) -> None:
    x, y = images(2, 60)
    resnet = {"torchvision": "resnet18", "shape": [1, 8, 8], "normalization": "group"}
    laplace = {"draws": 50, "polish": 5, "newton": 1}
    student = estimator({"architecture": "module", "settings": resnet}, "laplace", settings=laplace, layers="last",
                        training={"steps": 10, "restarts": 1, "batch_size": 16}).fit(x, y)  # fmt: skip
    assert student.bundle_.params.shape == (50, 513 * 2)
    again = mtbkd.load(student.save(tmp_path / "student"))  # torchvision is no code of anybody's
    agrees(again, student, x)


def test_the_head_of_a_trained_module_learns_alone() -> None:
    x, y = images()
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 3))
    settings = {"shape": [1, 8, 8], "train": "head", "normalization": "constant"}
    student = estimator(of(trunk, **settings), training={"steps": 200, "restarts": 1}).fit(x, y)
    assert student.bundle_.params.shape == (1, 289 * 3) and student.score(x, y) > 0.9


def test_images_come_as_they_are(tmp_path: Path) -> None:
    x, y = images()
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    student = estimator(network, random_state=1).fit(pictures := x.reshape(-1, 1, 8, 8), y)
    assert student.bundle_.card.inputs.features == (1, 8, 8) and student.n_features_in_ == 64
    rows = estimator(of(network, shape=[1, 8, 8]), random_state=1).fit(x, y)
    np.testing.assert_array_equal(student.predict_proba(pictures), rows.predict_proba(x))
    np.testing.assert_array_equal(student.predict_proba(torch.from_numpy(pictures)), rows.predict_proba(x))
    agrees(mtbkd.load(student.save(tmp_path / "student"), module=network), student, pictures)
    agrees(pickle.loads(pickle.dumps(student)), student, pictures)
    page = student.report(tmp_path / "report.html").read_text()
    assert "torch module torch.nn.modules.container.Sequential" in page


def test_commands_fit_a_file_of_code_and_predict_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    load_iris(as_frame=True).frame.to_csv("table.csv", index=False)
    (tmp_path / "nets.py").write_text("from tests.conformance.networks import Net\ndef small(**words): return Net(**words)\n")
    fit = ["fit", "table.csv", "--label", "target", "--student", "nets.py:small", "--no-report", "--method", "labels_map"]
    predict = ["predict", "--student", "student", "--table", "table.csv", "--out", "out.csv"]
    assert cli.main([*fit, "--student-settings", '{"arguments": {"units": 4, "num_classes": 3}}', "--out", "student"]) == 0
    assert mtbkd.load("student", module="nets.py:small").bundle_.params.shape == (1, 5 * 4 + 5 * 4 + 5 * 3)
    assert cli.main(predict) == 1
    assert "predict --module nets.py:small" in capsys.readouterr().err
    assert cli.main([*predict, "--module", "nets.py:small"]) == 0 and (tmp_path / "out.csv").exists()
    for text, words in (("{units: 4}", "--student-settings: text: found"), ("[4]", "expected a mapping, such as"),
                        ('{"units": 4, "units": 5}', "the key 'units' twice"),
                        ('{"unit": 4}', "unknown key"), ('{"path": "nets.py:large"}', "no 'large' there")):  # fmt: skip
        capsys.readouterr()
        assert cli.main([*fit, "--student-settings", text, "--out", "other"]) == 1
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert words in told and told.startswith("mtbkd: error: ")
        assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("student", "settings", "words"),
    [
        (small(5), {}, "forward: found RuntimeError"),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), {}, "normalization: found BatchNorm1d '1'"),
        (small(), {"inference": "nuts"}, "of architecture 'module', which PyMC cannot express"),
        (small(), {"inference": "nuts", "layers": "last", "settings": {"draws": 100_000_000}}, "draws"),
        (nn.Sequential(nn.Linear(4, 3), nn.Tanh()), {"inference": "sgld", "layers": "last"}, "no hidden layer before a dense"),
        (nn.Sequential(nn.Linear(4, 3), nn.Tanh()), {"inference": "dropout"}, "which has no hidden layer"),
        (nn.Sequential(nn.Linear(4, 6), nn.AlphaDropout(), nn.Linear(6, 3)), {"inference": "dropout"},
         "whose dropout layer '1' no mask stands for"),
        (of(small(), arguments={"activation": nn.ReLU}), {}, "arguments: found values that no file can hold"),
        (of(3), {}, "path: found int; expected a torch.nn.Module"),
        (of("nowhere.Net"), {}, "found ModuleNotFoundError"),
        (of(None), {}, "either path or torchvision"),
        ("module", {}, "either path or torchvision"),
        (object(), {}, "student: found 'object'"),
        ({"architecture": "module", "settings": "nets.py:Net"}, {}, "allowed"),
        ("mpl", {}, "did you mean 'mlp'"),
        ("torchvision.models.resnet81", {}, "did you mean 'resnet18'"),
        (of(small(), activation="relu"), {}, "unknown key"),
    ],
)  # fmt: skip
def test_a_module_that_does_not_fit_is_refused_before_any_work(student: Any, settings: dict[str, Any], words: str) -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        estimator(student, **({"inference": "map"} | settings)).fit(x, y)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"grid": {"prior_scale": [1, 2, 3]}, "training": {"steps": 5, "restarts": 50}}, "fewer candidates"),
        ({"inference": "sgld", "settings": SGLD | {"steps": 100_000, "thin": 1}}, 'fewer draws (settings), or layers="last"'),
    ],
)
def test_what_this_machine_cannot_hold_is_refused_with_what_to_change(
    settings: dict[str, Any], hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 20}[name])
    x, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"fit: memory: found .* GB \(.*parameters.*; expected at most 0\.0 GB") as caught:
        estimator(small(), **({"inference": "map"} | settings)).fit(x, y)
    assert hint in str(caught.value)


def test_the_method_of_a_large_module_draws_its_head() -> None:
    torch.manual_seed(0)
    large = nn.Sequential(nn.Linear(4, 2000), nn.ReLU(), nn.Linear(2000, 120), nn.ReLU(), nn.Linear(120, 3))
    x, y = load_iris(return_X_y=True)
    student = MultiTeacherClassifier(student=large, settings={"steps": 30, "draws": 20}, training={"steps": 5, "restarts": 1},
                                     grid=ONE).fit(x, y)  # fmt: skip
    assert "vi of low rank of the last layer (363 of 250,483 weights)" in student.choice_
