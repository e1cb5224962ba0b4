"""`mtbkd predict --images`: what a student says of files is what it says of the arrays that it learnt from."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import digits
from mtbkd.inference.fitting import Spec
from mtbkd.serving import cli, pictures
from mtbkd.serving.bundle import Bundle
from mtbkd.serving.making import make_bundle
from tests.serving.examples import make_spec

CLASSES = tuple("0123456789")


@cache
def data(layers: int = 3) -> Dataset:
    """scikit-learn's digits, painted; or as grey images from -1 to 1."""
    found = digits.prepare("digits", digits.Settings(share=0.2), 1, range(1), Path())
    found = replace(found, x=np.round(found.x * 255).astype("f4") / 255)  # as an image file holds them
    if layers == 3:
        return found
    return replace(found, x=2 * found.x.mean(2, keepdims=True) - 1, card={**found.card, "pixels": [-1.0, 1.0]})


@cache
def student(layers: int = 3) -> Bundle:
    spec = make_spec().model_dump(mode="json")
    spec |= {"dataset": "digits", "student": {"architecture": "cnn", "settings": {"channels": [4], "hidden": [8]}}}
    return make_bundle(Spec.model_validate(spec), data(layers), [], "digits", "digits")


def predict(folder: Path, out: Path, *more: str, layers: int = 3) -> int:
    student(layers).write(folder.parent / f"student{layers}")
    given = ["predict", "--student", folder.parent / f"student{layers}", "--images", folder, "--out", out, *more]
    return cli.main([str(word) for word in given])


def said(layers: int = 3, rows: int = 6) -> np.ndarray:
    bundle = student(layers)
    return bundle.draw_probs(bundle.standardised(data(layers).x[0, :rows])).mean(0)


def whole(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, C) of a painted digit (C, H, W) in [0, 1]."""
    return np.moveaxis(np.round(image * 255).astype(np.uint8), 0, -1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my images").mkdir()
    return tmp_path / "my images"


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_files_are_read_as_the_arrays_that_it_learnt_from(folder: Path, tmp_path: Path, ending: str) -> None:
    x = data().x[0]
    Image.fromarray(whole(x[0])).save(folder / "a.png")
    Image.fromarray(whole(x[1])).convert("RGBA").save(folder / "b.PNG")
    np.save(folder / "c.npy", x[2])
    np.save(folder / "d.npy", whole(x[3]))
    np.save(folder / "e.npy", np.moveaxis(whole(x[4]), -1, 0))
    Image.fromarray(whole(x[5])).save(folder / "f.png", exif=_turned())
    out = tmp_path / f"out.{ending}"
    assert predict(folder, out, "--quiet", "--batch", "4") == 0
    if ending == "json":
        content = json.loads(out.read_text())
        rows = content["images"]
        prob = np.array([[each["classes"][name]["prob"] for name in CLASSES] for each in rows])
        names = [each["id"] for each in rows]
        assert {"abstain", "mean_deviance", "epistemic_share"} <= set(rows[0]) and "length" not in rows[0]
    else:
        frame = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
        names, prob = frame["id"].tolist(), frame[[f"prob_{name}" for name in CLASSES]].to_numpy()
        assert (frame["low_3"] <= frame["prob_3"]).all() and (frame["prob_3"] <= frame["high_3"]).all()
    assert names == ["a.png", "b.PNG", "c.npy", "d.npy", "e.npy", "f.png"]
    expected = said()
    expected[5] = student().draw_probs(student().standardised(np.rot90(x[5], -1, (1, 2))[None])).mean(0)[0]
    np.testing.assert_allclose(prob, expected, atol=2e-6)


def _turned() -> Image.Exif:
    """A camera held on its side: to be shown turned clockwise by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_grey_and_colour_become_each_other_and_are_counted(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    grey = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    Image.fromarray(grey).save(folder / "a.png")
    Image.fromarray(np.stack([grey] * 3, -1)).save(folder / "b.png")
    np.save(folder / "c.npy", grey)
    (folder / "note.txt").write_text("no image")
    (folder / "more").mkdir()
    for layers in (3, 1):
        assert predict(folder, tmp_path / f"{layers}.csv", layers=layers) == 0
        told = capsys.readouterr().err
        assert f"3 images of 8 x 8 pixels, {'colour' if layers == 3 else 'grey'}" in told and "left alone: 2 others" in told
        assert ("grey, read as colour: 2 images" in told) == (layers == 3) and "colour, read as grey" not in told
        low, high = (0, 1) if layers == 3 else (-1, 1)
        pixels = np.broadcast_to(low + (high - low) * (grey / 255), (1, layers, 8, 8))
        expected = student(layers).draw_probs(student(layers).standardised(pixels)).mean(0)
        found = pd.read_csv(tmp_path / f"{layers}.csv")[[f"prob_{name}" for name in CLASSES]]
        np.testing.assert_allclose(found, np.repeat(expected, 3, 0), atol=2e-6)
    Image.fromarray(whole(data().x[0, 0])).save(folder / "d.jpg")
    assert predict(folder, tmp_path / "colour.csv", layers=1) == 0
    assert "colour, read as grey: 1 images" in capsys.readouterr().err


def test_a_mistake_is_one_line_and_writes_nothing(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    def refused(told: str, place: Path = folder, *more: str) -> None:
        assert predict(place, tmp_path / "o.csv", *more) == 1
        line = capsys.readouterr().err.strip()
        assert told in line and "\n" not in line and not (tmp_path / "o.csv").exists(), line

    refused("found none among 0 files; expected files that end in .png, .jpg, .jpeg, .npy")
    refused("nowhere: images: found nothing; expected a folder", tmp_path / "nowhere")
    Image.fromarray(whole(data().x[0, 0])).save(folder / "good.png")
    refused("--id: option: found no file that it is for", folder, "--id", "name")
    for name, content, told in (
        ("large.png", Image.new("RGB", (28, 28)), "1 of 2 images: found large.png: 28 x 28 pixels; expected 8 x 8 pixels, col"),
        ("deep.png", Image.fromarray(np.zeros((8, 8), np.uint16)), "deep.png: pixels of the kind I;16, which are more than 8"),
        ("clear.png", Image.new("RGBA", (8, 8), (1, 2, 3, 4)), "clear.png: transparent pixels"),
        ("cut.png", (folder / "good.png").read_bytes()[:60], "cut.png: "),
        ("gif.png", b"GIF89a", "gif.png: cannot identify image file"),
        ("flat.npy", np.zeros(192), "flat.npy: an array of shape (192,)"),
        ("beyond.npy", np.full((3, 8, 8), 2.0), "beyond.npy: numbers outside 0..1"),
        ("hole.npy", np.full((3, 8, 8), np.nan), "hole.npy: numbers outside 0..1"),
        ("whole.npy", np.full((3, 8, 8), 256), "whole.npy: numbers outside 0..255"),
        ("words.npy", np.full((3, 8, 8), "a"), "words.npy: content of the kind <U1"),
        ("objects.npy", np.full((3, 8, 8), None), "objects.npy: "),
    ):
        path = folder / name
        if isinstance(content, Image.Image):
            content.save(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)
        refused(told)
        path.unlink()
    for name in "abcde":
        Image.new("RGB", (9, 8)).save(folder / f"{name}.png")
    refused("5 of 6 images: found a.png: 9 x 8 pixels; b.png: 9 x 8 pixels; c.png: 9 x 8 pixels and 2 more")


def test_students_of_other_examples_say_what_they_read(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a\n1\n")
    student().write(tmp_path / "student3")
    given = ["predict", "--student", tmp_path / "student3", "--table", table, "--out", tmp_path / "o.csv"]
    assert cli.main([str(word) for word in given]) == 1
    assert "images of shape (3, 8, 8); expected a student of tables. Hint: --images" in capsys.readouterr().err
    card = student().card
    bare = replace(student(), card=card.model_copy(update={"data": {k: v for k, v in card.data.items() if k != "pixels"}}))
    with pytest.raises(Exception, match="no range of the pixels"):
        pictures.read(folder, bare)
