"""Every student that was damaged, edited or made wrongly is refused in one line that names the file."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mtbkd.base.errors import ContractError, MtbkdError
from mtbkd.serving.bundle import FILES, Bundle, Card, seal
from tests.faults.student import refused, write_student
from tests.serving.examples import bundle, fasta

FIELDS = sorted(set(Card.model_fields) - {"seal", "sha256"})
LATER = {"labels", "thresholds", "sets"}  # students of one label, and those of an earlier release, need not say so
WRONG: dict[type, list[Any]] = {
    str: [5, None, [], {}], int: ["5", None, [], 1.5, -1], dict: [5, None, "text", [1]], list: [5, None, "text", {"a": 1}],
}  # fmt: skip
ENTRIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no draws": lambda card: card.update(draws=0),
    "other draws": lambda card: card.update(draws=7),
    "one class": lambda card: card.update(class_names=["Nucleus"]),
    "a class more": lambda card: card["class_names"].append("Nowhere"),
    "a class twice": lambda card: card["class_names"].__setitem__(0, card["class_names"][1]),
    "no risk": lambda card: card.update(risk=[]),
    "a bound above 1": lambda card: card["risk"][0].update(bound=2),
    "a threshold below 0": lambda card: card["risk"][0].update(threshold=-1),
    "no coverage": lambda card: card["risk"][0].update(coverage=0),
    "risk of nobody": lambda card: card["risk"][0].update(n=0),
    "no validation score": lambda card: card["scores"].pop("val"),
    "a score in words": lambda card: card["scores"]["val"].update(nll="low"),
    "an unknown architecture": lambda card: card.update(architecture="transformer"),
    "a path as architecture": lambda card: card.update(architecture="../../etc/passwd"),
    "hidden below 0": lambda card: card.update(settings={"hidden": [-4]}),
    "hidden without end": lambda card: card.update(settings={"hidden": [10**18]}),
    "hidden in words": lambda card: card.update(settings={"hidden": "many"}),
    "unknown settings": lambda card: card.update(settings={"depth": 3}),
    "features of none": lambda card: card["inputs"].update(features=[]),
    "features below 0": lambda card: card["inputs"].update(features=[-471]),
    "features without end": lambda card: card["inputs"].update(features=[10**12, 10**12]),
    "an unknown encoder": lambda card: card["inputs"].update(encoders={"descriptor": {}}),
    "encoder settings": lambda card: card["inputs"].update(encoders={"descriptors": {"window": 3}}),
    "no encoder": lambda card: card["inputs"].update(encoders={}),
    "names of two": lambda card: card["inputs"].update(names=["a", "b"]),
    "a deep entry": lambda card: card.update(data=_nested(400)),
    "a later version": lambda card: card.update(version=4),
    "an earlier version": lambda card: card.update(version=1),
    "another format": lambda card: card.update(format="a model"),
    "another hash": lambda card: card.update(sha256="0" * 64),
    "no hash": lambda card: card.pop("sha256"),
}
ARRAYS: dict[str, Callable[[dict[str, np.ndarray]], Any]] = {
    "nan in the scale": lambda a: a["scale"].__setitem__(0, np.nan),
    "infinity in the scale": lambda a: a["scale"].__setitem__(0, np.inf),
    "a scale below 0": lambda a: a["scale"].__setitem__(0, -1),
    "nan in the mean": lambda a: a["mean"].__setitem__(0, np.nan),
    "nan in the weights": lambda a: a["params"].__setitem__((0, 0), np.nan),
    "weights beyond bounds": lambda a: a["params"].fill(3e38),
    "a scale too small": lambda a: a["scale"].fill(5e-324),
    "no mean": lambda a: a.pop("mean"),
    "one more": lambda a: a.update(more=np.zeros(3)),
    "short weights": lambda a: a.update(params=a["params"][:, :-1].copy()),
    "no weights": lambda a: a.update(params=a["params"][:0].copy()),
    "weights of a double": lambda a: a.update(params=a["params"].astype(np.float64)),
    "weights of halves": lambda a: a.update(params=a["params"].astype(np.float16)),
    "integers": lambda a: a.update(mean=a["mean"].astype(np.int64)),
    "flat weights": lambda a: a.update(params=a["params"].ravel()),
    "a long scale": lambda a: a.update(scale=np.ones(1000)),
}
TEXTS = {
    "empty": b"", "nothing": b"null", "a list": b"[]", "a number": b"5", "cut": b'{"format": "mtbkd student",',
    "nuls": b"\0" * 99,
    "latin 1": '{"format": "mtbkd student", "study": "\xe9"}'.encode("latin1"), "a mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"format": "mtbkd student"}'.encode("utf-16"), "yaml": b"format: mtbkd student\n", "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000, "long number": b'{"format": "mtbkd student", "version": ' + b"9" * 5000 + b"}",
    "infinite": b'{"format": "mtbkd student", "version": 1e999}', "nan": b'{"format": "mtbkd student", "version": NaN}',
    "a key twice": b'{"format": "mtbkd student", "format": "mtbkd student"}', "surrogate": b'{"format": "\\ud800"}',
    "a key in a key twice": b'{"format": "mtbkd student", "data": {"a": 1, "a": 2}}',
    "only a format": b'{"format": "mtbkd student"}',
}  # fmt: skip


def _nested(depth: int) -> Any:
    return {"a": _nested(depth - 1)} if depth else 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_student(tmp_path_factory.mktemp("bad_bundles"))


@pytest.fixture
def student(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "student")
    return tmp_path / "student"


def asked(student: Path) -> list[str]:
    folder = student.parent
    path = fasta(folder, ["MKLVWSTQ", "MGGSKKLI"])
    return ["predict", "--bundle", str(student), "--fasta", str(path), "--out", str(folder / "out.csv"), "--quiet"]


def edit(student: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the card and seal it again: as a program that writes wrong cards would."""
    content = json.loads((student / FILES[1]).read_text())
    change(content)
    (student / FILES[1]).write_text(json.dumps({**content, "seal": seal(content)}))


@pytest.mark.parametrize("name", ENTRIES)
def test_a_wrong_entry_is_refused(student: Path, capsys: pytest.CaptureFixture, name: str):
    edit(student, ENTRIES[name])
    refused(asked(student), capsys)
    assert not (student.parent / "out.csv").exists() and not list(student.parent.glob(".*.part"))


@pytest.mark.parametrize("name", ARRAYS)
def test_a_wrong_array_is_refused(student: Path, capsys: pytest.CaptureFixture, name: str):
    arrays = load_file(student / FILES[0])
    ARRAYS[name](arrays)
    save_file(arrays, student / FILES[0])
    assert "sha256" in refused(asked(student), capsys)
    found = hashlib.sha256((student / FILES[0]).read_bytes()).hexdigest()
    edit(student, lambda card: card.update(sha256=found))
    refused(asked(student), capsys)
    assert not (student.parent / "out.csv").exists() and not list(student.parent.glob(".*.part"))


@pytest.mark.parametrize("name", TEXTS)
def test_a_card_that_is_no_card_is_refused(student: Path, capsys: pytest.CaptureFixture, name: str):
    (student / FILES[1]).write_bytes(TEXTS[name])
    assert str(student / FILES[1]) in refused(asked(student), capsys)


@pytest.mark.parametrize("field", FIELDS)
def test_an_entry_of_another_kind_or_without_its_seal_is_refused(student: Path, field: str):
    card = student / FILES[1]
    text = card.read_text()
    content = json.loads(text)
    for value in WRONG[type(content[field])]:
        edit(student, lambda changed, value=value: changed.update({field: value}))
        with pytest.raises(MtbkdError):
            Bundle.read(student)
        card.write_text(text)
    if field in LATER:
        return
    edit(student, lambda changed: changed.pop(field))
    with pytest.raises(ContractError):
        Bundle.read(student)
    card.write_text(
        json.dumps({**content, field: content[field] * 2 if isinstance(content[field], list) else [content[field]]})
    )
    with pytest.raises(ContractError):
        Bundle.read(student)


@pytest.mark.parametrize("name", FILES)
def test_any_one_wrong_bit_is_refused(student: Path, name: str):
    rng, content = random.Random(1), (student / name).read_bytes()
    for _ in range(60):
        at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        (student / name).write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
        try:
            read = Bundle.read(student)
        except ContractError as error:
            assert "\n" not in str(error)
        else:  # white space of the card
            assert name == FILES[1] and read.card.model_copy(update={"sha256": "", "seal": ""}) == bundle("map").card


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_was_cut_is_refused(student: Path, capsys: pytest.CaptureFixture, name: str, share: float):
    content = (student / name).read_bytes()
    (student / name).write_bytes(content[: int(share * len(content))])
    assert str(student / name) in refused(asked(student), capsys)
