"""A student to take along: what is written is read again, and no damaged or foreign file is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mtbkd.bundle import FILES, Bundle, found_in, read_card
from mtbkd.errors import ContractError
from tests.serving.examples import bundle, make_dataset


@pytest.fixture
def written(tmp_path: Path) -> Path:
    bundle().write(tmp_path)
    return tmp_path


def test_what_is_written_is_read_again(written: Path):
    again, x = Bundle.read(written), make_dataset().x[0]
    assert again.card.model_copy(update={"sha256": ""}) == bundle().card
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
    monkeypatch.setattr("mtbkd.bundle.MOST_VALUES", 1)  # a draw at a time
    np.testing.assert_allclose(bundle().draw_probs(x), whole, atol=1e-6)


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


def change_card(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / FILES[1]).read_text())
    change(content)
    (folder / FILES[1]).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda card: card.update(version=2), "version: found 2; allowed: 1"),
        (lambda card: card.update(format="a model"), "another file"),
        (lambda card: card.update(weights=1), "weights: unknown key"),
        (lambda card: card.pop("class_names"), "class_names: missing"),
        (lambda card: card["inputs"].update(features=["many"]), "features"),
        (lambda card: card.update(architecture="transformer"), "architecture: found transformer"),
        (lambda card: card["class_names"].append("Nowhere"), r"params: found float32 \(\d+, \d+\)"),
    ],
)
def test_a_card_with_foreign_or_missing_entries_is_refused(written: Path, change: Callable, told: str):
    change_card(written, change)
    with pytest.raises(ContractError, match=told):
        Bundle.read(written)


def test_cut_missing_and_exchanged_files_are_refused(written: Path):
    weights, card = written / FILES[0], written / FILES[1]
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ContractError, match="was the file cut"):
        Bundle.read(written)
    save_file(load_file_of(whole, written) | {"extra": np.zeros(1)}, weights)
    with pytest.raises(ContractError, match="do not belong together"):
        Bundle.read(written)
    weights.unlink()
    with pytest.raises(ContractError, match=f"{FILES[0]}: file: found nothing"):
        Bundle.read(written)
    card.write_text(card.read_text()[:100])
    with pytest.raises(ContractError, match="was the file cut"):
        read_card(card)
    card.unlink()
    with pytest.raises(ContractError, match="the card of a student"):
        Bundle.read(written)


def load_file_of(content: bytes, folder: Path) -> dict[str, np.ndarray]:
    (folder / "whole").write_bytes(content)
    return load_file(folder / "whole")


def test_students_of_a_study_are_found_by_experiment_and_method(tmp_path: Path):
    for place in ("b/sgld", "a/map"):
        bundle().write(tmp_path / place)
    assert list(found_in(tmp_path)) == [("a", "map", tmp_path / "a/map"), ("b", "sgld", tmp_path / "b/sgld")]
    assert not list(found_in(tmp_path / "nowhere"))
