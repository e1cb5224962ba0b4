"""A student to take along: what is written is read again, and no damaged or foreign file is."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from mtbkd.base.errors import ContractError, MtbkdError
from mtbkd.serving.bundle import FILES, Bundle, found_in, read_card, seal
from tests.serving.examples import bundle, make_dataset


@pytest.fixture
def written(tmp_path: Path) -> Path:
    bundle().write(tmp_path)
    return tmp_path


def test_what_is_written_is_read_again(written: Path):
    again, x = Bundle.read(written), make_dataset().x[0]
    assert again.card.model_copy(update={"sha256": "", "seal": ""}) == bundle().card
    assert again.card.seal == seal(again.card.model_dump(mode="json"))
    assert np.array_equal(again.draw_probs(x), bundle().draw_probs(x))


def test_inputs_are_standardised_as_the_dataset_was(monkeypatch: pytest.MonkeyPatch):
    raw = np.arange(2 * 471, dtype=np.float32).reshape(2, 471)
    x = bundle().standardised(raw)
    assert x.shape == (2, 471) and x.dtype == np.float32
    varying = bundle().scale > 0
    assert (~varying).any() and (x[:, ~varying] == 0).all()
    expected = (raw[:, varying] - bundle().mean[varying]) / bundle().scale[varying]
    np.testing.assert_allclose(x[:, varying], expected, rtol=1e-6)
    whole = bundle().draw_probs(x)
    monkeypatch.setattr("mtbkd.serving.bundle.CACHED_VALUES", 1)  # a draw at a time
    np.testing.assert_allclose(bundle().draw_probs(x), whole, atol=1e-6)
    logits = bundle().student.apply(torch.as_tensor(bundle().params), torch.as_tensor(x[None]))
    np.testing.assert_allclose(whole, torch.softmax(logits, -1), rtol=0, atol=1e-6)


def test_arrays_that_do_not_fit_the_card_are_not_written(tmp_path: Path):
    good = bundle()
    broken = good.params.copy()
    broken[0, 0] = np.nan
    for name, value in (
        ("params", good.params[:, :-1]),
        ("params", broken),
        ("mean", good.mean[1:]),
        ("scale", good.scale * np.nan),
    ):
        with pytest.raises(ContractError, match=name):
            replace(good, **{name: value}).write(tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (np.zeros((2, 470)), "470 features"),
        (np.full((2, 471), np.nan), "nan in row 1, feature"),
        (np.full((2, 471), 1e300), "1e\\+300 in row 1"),
    ],
)
def test_inputs_that_are_no_numbers_of_the_student_are_refused(features: np.ndarray, told: str):
    with pytest.raises(ContractError, match=told):
        bundle().standardised(features)


def test_probabilities_that_are_not_finite_are_never_handed_on():
    huge = replace(bundle(), params=np.full_like(bundle().params, 1e38))
    with pytest.raises(ContractError, match="not finite for 2 of 2 examples"):
        huge.draw_probs(np.ones((2, 471), np.float32))


def change_card(folder: Path, change: Callable[[dict[str, Any]], object], sealed: bool = True) -> None:
    content = json.loads((folder / FILES[1]).read_text())
    change(content)
    (folder / FILES[1]).write_text(json.dumps({**content, "seal": seal(content)} if sealed else content))


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.update(study="another"),
        lambda card: card["risk"][0].update(bound=0.01),
        lambda card: card["class_names"].reverse(),
        lambda card: card["config"].update(seed=4),
        lambda card: card.update(seal="0" * 64),
    ],
)
def test_a_card_that_was_edited_by_hand_is_refused(written: Path, change: Callable):
    change_card(written, change, sealed=False)
    with pytest.raises(ContractError, match=r"card.json: seal: .*changed after it was made; make it again: snakemake"):
        Bundle.read(written)


@pytest.mark.parametrize("version", [1, 2])
def test_a_card_of_an_earlier_release_is_refused_with_the_way_out(written: Path, version: int):
    change_card(written, lambda card: (card.update(version=version), card.pop("seal")), sealed=False)
    with pytest.raises(ContractError, match=r"of an earlier release; expected 3\. Hint: make it again: snakemake"):
        Bundle.read(written)


def test_a_scale_that_is_not_finite_or_negative_is_refused_in_whichever_file(written: Path):
    arrays = load_file(written / FILES[0])
    for value, told in ((np.nan, "not finite"), (np.inf, "not finite"), (-1.0, "values below 0")):
        arrays["scale"][3] = value
        save_file(arrays, written / FILES[0])
        with pytest.raises(ContractError, match="sha256"):
            Bundle.read(written)
        change_card(written, lambda card: card.update(sha256=_hash(written / FILES[0])))
        with pytest.raises(ContractError, match=told):
            Bundle.read(written)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda card: card.update(version=4), "version: found 4, that of a later release; expected 3"),
        (lambda card: card.update(format="a model"), "another file"),
        (lambda card: card.update(weights=1), "weights: unknown key"),
        (lambda card: card.pop("class_names"), "class_names: missing"),
        (lambda card: card["inputs"].update(features=["many"]), "features"),
        (lambda card: card["inputs"].update(features=[0]), "features"),
        (lambda card: card["inputs"].update(names=["one"]), "inputs: found 1 names; expected 471"),
        (lambda card: card.update(architecture="transformer"), "architecture: found transformer"),
        (lambda card: card.update(architecture="cnn", settings={}), "student cnn: found examples of shape"),
        (lambda card: card.update(settings={"hidden": "4"}), r"settings.hidden: found '4'"),
        (lambda card: card.update(risk=[]), "risk: found no point"),
        (lambda card: card["scores"].pop("val"), "scores: found no nll on val"),
        (lambda card: card["class_names"].__setitem__(1, "Nucleus"), "class_names: found a name twice"),
        (lambda card: card["class_names"].append("Nowhere"), r"params: found float32 \(\d+, \d+\)"),
    ],
)
def test_a_card_with_foreign_or_missing_entries_is_refused(written: Path, change: Callable, told: str):
    change_card(written, change)
    with pytest.raises(MtbkdError, match=told):
        Bundle.read(written)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"format": "mtbkd student", "version": NaN}', "the number NaN, which is not finite"),
        ('{"format": "mtbkd student", "version": 1e999}', "the number 1e999, which is not finite"),
        (f'{{"format": "mtbkd student", "version": {"9" * 5000}}}', "an integer of 5,000 digits"),
        ('{"format": "mtbkd student", "study": "a", "study": "b"}', "the key 'study' twice in one object"),
        (f'{{"format": "mtbkd student", "data": {"[" * 100_000 + "]" * 100_000}}}', "nested too deep"),
        (f'{{"format": "mtbkd student", "data": {"[" * 900 + "]" * 900}}}', "content: found nested too deep"),
        ("[]", "another file"),
        ("", "content"),
        ("\0", "content"),
    ],
)
def test_json_that_python_would_take_or_choke_on_is_refused(tmp_path: Path, text: str, told: str):
    (tmp_path / FILES[1]).write_text(text)
    with pytest.raises(ContractError, match=told) as caught:
        read_card(tmp_path / FILES[1])
    assert len(str(caught.value)) < 2000 + len(str(tmp_path))


def test_what_is_no_folder_of_a_student_is_refused(tmp_path: Path, written: Path):
    (written / FILES[1]).rename(tmp_path / "kept")
    with pytest.raises(ContractError, match="student: found a file; expected the folder"):
        Bundle.read(tmp_path / "kept")
    for make, told in ((lambda p: p.mkdir(), "a folder"), (os.mkfifo, "a pipe or device")):
        make(written / FILES[1])
        with pytest.raises(ContractError, match=told):
            Bundle.read(written)
        (written / FILES[1]).rmdir() if told == "a folder" else (written / FILES[1]).unlink()
    with open(written / FILES[1], "wb") as handle:
        handle.truncate(1 << 25)
    with pytest.raises(ContractError, match="33,554,432 bytes"):
        Bundle.read(written)


def test_cut_missing_and_exchanged_files_are_refused(written: Path):
    weights, card = written / FILES[0], written / FILES[1]
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ContractError, match="one was cut or changed"):
        Bundle.read(written)
    change_card(written, lambda card: card.update(sha256=_hash(weights)))
    with pytest.raises(ContractError, match="was the file cut"):
        Bundle.read(written)
    save_file(load_file_of(whole, written) | {"extra": np.zeros(1)}, weights)
    with pytest.raises(ContractError, match="do not belong together"):
        Bundle.read(written)
    change_card(written, lambda card: card.update(sha256=_hash(weights)))
    with pytest.raises(ContractError, match="arrays: found extra F64"):
        Bundle.read(written)
    weights.unlink()
    with pytest.raises(ContractError, match=f"{FILES[0]}: file: found nothing"):
        Bundle.read(written)
    card.write_text(card.read_text()[:100])
    with pytest.raises(ContractError, match="was the file cut"):
        read_card(card)
    card.unlink()
    with pytest.raises(ContractError, match=r"found no card\.json; expected a folder with"):
        Bundle.read(written)


def load_file_of(content: bytes, folder: Path) -> dict[str, np.ndarray]:
    (folder / "whole").write_bytes(content)
    return load_file(folder / "whole")


def test_students_of_a_study_are_found_by_experiment_and_method(tmp_path: Path):
    for place in ("b/sgld", "a/map"):
        bundle().write(tmp_path / place)
    assert list(found_in(tmp_path)) == [("a", "map", tmp_path / "a/map"), ("b", "sgld", tmp_path / "b/sgld")]
    assert not list(found_in(tmp_path / "nowhere"))
