"""Damaged files against every reader: one line that names the file; where a hash is held, none goes through."""

import gzip
import os
import re
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from mtbkd.base.errors import ContractError, MtbkdError
from mtbkd.base.frames import read_table, write_table
from mtbkd.base.reading import read_arrays, read_json
from mtbkd.base.writing import write_arrays, write_json
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.contracts.draws import Draws
from mtbkd.data.encoders import unirep64
from mtbkd.data.encoders.memory import WIDTH, Memory
from mtbkd.data.fasta import read_fasta
from mtbkd.data.images.archive import read_members
from mtbkd.data.images.idx import read_idx
from mtbkd.data.images.matlab import read_mat
from mtbkd.data.images.mnist_m import read_mnist_m
from mtbkd.data.images.usps import read_usps
from mtbkd.evaluation.votes import read_votes
from mtbkd.report.page import FIELDS, HEAVY, figures
from mtbkd.report.runs import read_benchmark
from mtbkd.teachers.cifar_resnet import read_network
from tests.conformance.examples import dataset
from tests.data.images.formats import mnist_m_members, random_images, write_idx, write_mat, write_tar, write_usps

PIXELS, LABEL = random_images("test", (3, 32, 32))


class Target(NamedTuple):
    """A file below the folder of specimens, and its reader, which is given that folder."""

    file: str
    read: Callable[[Path], Any]


def draws() -> Draws:
    rng = np.random.default_rng(0)
    prob = rng.dirichlet(np.ones(3), (1, 2, 4, 5)).astype(np.float32)
    empty = np.zeros((1, 2, 4, 2), np.float32)
    return Draws(np.array([0]), rng.normal(size=(1, 2, 4)), prob[..., :2, :], np.arange(2), empty, np.zeros((1, 2), np.int64),
                 prob, np.arange(5), np.zeros((1, 2), bool), attrs={"method": "m"})  # fmt: skip


def data() -> Dataset:
    return dataset((3,), 1)


def logits() -> Logits:
    own = data()
    z = np.random.default_rng(1).normal(size=(1, own.num_examples, own.num_classes)).astype(np.float32)
    return Logits("t", z, np.ones(own.num_examples, bool), ids_digest(own.ids))


def read_memory(folder: Path) -> Memory:
    found = Memory(folder / "memory", 2)
    found._read()
    return found


SEALED = {
    **{f"data {name}": Target(f"data/{name}", lambda folder: Dataset.read(folder / "data")) for name in Dataset.FILES},
    **{f"logits {name}": Target(f"logits/{name}", lambda folder: Logits.read(folder / "logits")) for name in Logits.FILES},
    "draws": Target("draws.nc", lambda folder: Draws.read(folder / "draws.nc")),
    "table": Target("table.parquet", lambda folder: read_table(folder / "table.parquet", "a table", "evaluate")),
    "memory": Target("memory/", read_memory),
}
FOREIGN = {
    "arrays": Target("a.safetensors", lambda folder: read_arrays(folder / "a.safetensors")),
    "json": Target("a.json", lambda folder: read_json(folder / "a.json")),
    "votes": Target("votes.npy", lambda folder: read_votes(folder / "votes.npy")),
    "unirep64": Target(unirep64.WEIGHTS, lambda folder: unirep64.load(unirep64.Settings(), folder)),  # pyright: ignore
    "idx": Target("i.gz", lambda folder: read_idx(folder / "i.gz", 3)),
    "matlab": Target("x.mat", lambda folder: read_mat(folder / "x.mat")),
    "tar.gz": Target("m.tar.gz", lambda folder: read_mnist_m(folder / "m.tar.gz", "test")),
    "tar.xz": Target("m.tar.xz", lambda folder: read_members(folder / "m.tar.xz", lambda name: True)),
    "usps": Target("u.gz", lambda folder: read_usps(folder / "u.gz")),
    "network": Target("net.th", lambda folder: read_network(folder / "net.th", 20)),
    "benchmark": Target("b.tsv", lambda folder: read_benchmark(folder / "b.tsv")),
    "captions": Target("figures/a.json", lambda folder: figures([folder / "figures" / "a.svg"], interactive=False)),
    "figure": Target("figures/a.png", lambda folder: figures([folder / "figures" / "a.svg"], interactive=False)),
    "fasta": Target("f.fasta", lambda folder: list(read_fasta(folder / "f.fasta"))),
}


OPTIONAL = ("benchmark", "figure")  # the page does without what was not measured, and without the bitmap of a figure


def write_foreign(folder: Path) -> None:
    import torch

    from mtbkd.teachers.residual import residual_network

    write_arrays(folder / "a.safetensors", {"a": np.arange(100.0)})
    (folder / "a.json").write_text('{"a": [1, 2, {"b": "text"}], "c": null}')
    np.save(folder / "votes.npy", np.arange(1, 21).reshape(2, 10))
    (folder / unirep64.WEIGHTS).parent.mkdir()
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in unirep64._shapes().items()}
    np.savez(folder / unirep64.WEIGHTS, **weights)  # pyright: ignore
    write_idx(folder / "i.gz", PIXELS[:, 0])
    write_mat(folder / "x.mat", PIXELS, LABEL)
    for suffix in ("gz", "xz"):
        write_tar(folder / f"m.tar.{suffix}", mnist_m_members("test"))
    write_usps(folder / "u.gz", *random_images("test", (1, 16, 16)))
    own = residual_network(3, (16, 32, 64), (3,) * 3, 10, False, "padding").state_dict()
    torch.save({"state_dict": {k: v for k, v in own.items() if not k.endswith("tracked")}}, folder / "net.th")
    (folder / "b.tsv").write_text("s\tcpu_time\n1.5\t2.5\n")
    (folder / "figures").mkdir()
    write_json(folder / "figures" / "a.json", dict.fromkeys(FIELDS, "a"))
    (folder / "figures" / "a.svg").write_text("<svg>" + " " * HEAVY + "</svg>")
    Image.fromarray(PIXELS[0].transpose(1, 2, 0)).save(folder / "figures" / "a.png")
    (folder / "f.fasta").write_text(">a\nMKV\n>b\nMKVLLA\n")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One undamaged file for every reader."""
    folder = tmp_path_factory.mktemp("whole")
    data().write(folder / "data")
    logits().write(folder / "logits")
    draws().write(folder / "draws.nc")
    write_table(pd.DataFrame({"metric": ["nll", "accuracy"] * 50, "value": np.arange(100.0)}), folder / "table.parquet")
    memory = Memory(folder / "memory", 2)
    keys = [bytes([i]) * WIDTH for i in range(9)]
    with memory.adding(keys) as new:
        memory.add(new, np.arange(18, dtype=np.float32).reshape(9, 2))
    write_foreign(folder)
    return folder


def path_of(target: Target, folder: Path) -> Path:
    return next((folder / target.file).glob("*.safetensors")) if target.file.endswith("/") else folder / target.file


def flipped(content: bytes, at: float, length: int = 1) -> bytes:
    start = int(at * (len(content) - length))
    return content[:start] + bytes(byte ^ 0x55 for byte in content[start : start + length]) + content[start + length :]


CONTENT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "header only": lambda content: content[:12],
    "cut at a third": lambda content: content[: len(content) // 3],
    "cut at two thirds": lambda content: content[: 2 * len(content) // 3],
    "two bytes lost": lambda content: content[:-2],  # the last of a card is an empty line
    "first byte lost": lambda content: content[1:],
    "first half twice": lambda content: content[: len(content) // 2] * 2,
    "zeros in the middle": lambda content: content[: len(content) // 2 - 40] + bytes(80) + content[len(content) // 2 + 40 :],
    "longer": lambda content: content + b"\0" * 9,
    "a web page": lambda content: b"<!DOCTYPE html><html><body>404 not found</body></html>\n",
    "noise": lambda content: np.random.default_rng(0).bytes(max(200, len(content))),
    **{f"flipped at {at}": lambda content, at=at: flipped(content, at) for at in (0.0, 0.03, 0.2, 0.4, 0.6, 0.8, 0.97, 1.0)},
    "block flipped": lambda content: flipped(content, 0.5, min(64, len(content) // 4)),
}


def put_folder(path: Path) -> None:
    path.mkdir()


def put_pipe(path: Path) -> None:
    os.mkfifo(path)


PLACES = {"nothing": lambda path: None, "a folder": put_folder, "a pipe": put_pipe}


def answer(target: Target, folder: Path) -> str | None:
    """The error, or None where the file was read; anything but an error for people fails the test."""
    try:
        target.read(folder)
    except MtbkdError as error:
        return str(error)
    return None


def test_whole_files_are_read(whole: Path):
    assert {name: answer(target, whole) for name, target in (SEALED | FOREIGN).items()} == dict.fromkeys(SEALED | FOREIGN)


def copied(name: str, whole: Path, folder: Path) -> Target:
    target = (SEALED | FOREIGN)[name]
    place = target.file.split("/")[0]
    if (whole / place).is_dir():
        shutil.copytree(whole / place, folder / place)
    else:
        shutil.copyfile(whole / place, folder / place)
    return target


def damaged(name: str, whole: Path, folder: Path, damage: str) -> tuple[Target, Path]:
    target = copied(name, whole, folder)
    path = path_of(target, folder)
    if damage in CONTENT:
        path.write_bytes(CONTENT[damage](path.read_bytes()))
    else:
        path.unlink()
        PLACES[damage](path)
    return target, path


@pytest.mark.parametrize("damage", [*CONTENT, *PLACES])
@pytest.mark.parametrize("name", SEALED)
def test_no_file_with_a_hash_goes_through(name: str, damage: str, whole: Path, tmp_path: Path):
    if (name, damage) == ("memory", "nothing"):
        pytest.skip("an empty memory is whole")
    target, path = damaged(name, whole, tmp_path, damage)
    told = answer(target, tmp_path)
    assert told is not None and str(path) in told and "\n" not in told
    assert re.search("changed since it was written|no hash|found nothing|a folder|a pipe|content: found", told), told


@pytest.mark.parametrize("damage", [*CONTENT, *PLACES])
@pytest.mark.parametrize("name", FOREIGN)
def test_damaged_foreign_files_end_in_one_line(name: str, damage: str, whole: Path, tmp_path: Path):
    target, path = damaged(name, whole, tmp_path, damage)
    told = answer(target, tmp_path)
    assert told is None or (str(path) in told and "\n" not in told)
    if damage in ("empty", "noise", *PLACES) and name not in OPTIONAL:
        assert told is not None


@pytest.mark.parametrize("other", ["draws.nc", "table.parquet", "a.safetensors", "a.json", "m.tar.gz", "net.th"])
@pytest.mark.parametrize("name", SEALED | FOREIGN)
def test_a_file_of_another_kind_is_refused(name: str, other: str, whole: Path, tmp_path: Path):
    target = (SEALED | FOREIGN)[name]
    if target.file == other or (other, target.file) == ("m.tar.gz", "m.tar.xz"):
        pytest.skip("the same kind")
    path = path_of(copied(name, whole, tmp_path), tmp_path)
    shutil.copyfile(whole / other, path)
    told = answer(target, tmp_path)
    assert (told is None and name in OPTIONAL) or (told is not None and str(path) in told and "\n" not in told)


def test_flipped_labels_are_refused(whole: Path, tmp_path: Path):
    data().write(tmp_path)
    arrays = read_arrays(tmp_path / "data.safetensors")
    arrays["y"][0, :15] = (arrays["y"][0, :15] + 1) % 3
    write_arrays(tmp_path / "data.safetensors", arrays)
    with pytest.raises(ContractError, match=r"data\.safetensors: content: found changed since it was written.*delete it"):
        Dataset.read(tmp_path)


def test_data_changed_within_a_process_are_read_anew(tmp_path: Path):
    data().write(tmp_path)
    Dataset.read(tmp_path)
    path = tmp_path / "data.safetensors"
    path.write_bytes(flipped(path.read_bytes(), 0.9))
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
    with pytest.raises(ContractError, match="changed since it was written"):
        Dataset.read(tmp_path)


def test_the_files_of_another_dataset_are_refused(whole: Path, tmp_path: Path):
    other = dataset((3,), 1)
    other.x[:] += 1
    other.write(tmp_path / "other")
    data().write(tmp_path / "own")
    shutil.copyfile(tmp_path / "other" / "data.safetensors", tmp_path / "own" / "data.safetensors")
    with pytest.raises(ContractError, match="changed since it was written"):
        Dataset.read(tmp_path / "own")


def test_an_edited_card_is_refused(tmp_path: Path):
    data().write(tmp_path)
    card = tmp_path / "card.json"
    names = re.search(r'"class_names": \[\s+("\w+"),\s+("\w+")', card.read_text())
    assert names
    card.write_text(card.read_text().replace(names[1], '"?"').replace(names[2], names[1]).replace('"?"', names[2]))
    with pytest.raises(ContractError, match=r"card\.json: content: found changed since it was written"):
        Dataset.read(tmp_path)


def test_a_card_without_hashes_is_of_an_older_version(tmp_path: Path):
    data().write(tmp_path)
    card = tmp_path / "card.json"
    card.write_text('{"name": "d", "class_names": ["a", "b", "c"]}')
    with pytest.raises(ContractError, match=r"made by an older version: delete it and run again"):
        Dataset.read(tmp_path)


def test_a_table_that_another_program_wrote_is_refused(whole: Path, tmp_path: Path):
    pd.read_parquet(whole / "table.parquet").to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ContractError, match=r"t\.parquet: content: found no hash"):
        read_table(tmp_path / "t.parquet", "a table", "evaluate")


def test_draws_that_another_program_wrote_are_refused(whole: Path, tmp_path: Path):
    with xr.open_datatree(whole / "draws.nc", engine="netcdf4") as tree:
        tree.load()
        tree.to_netcdf(tmp_path / "d.nc", engine="netcdf4")
    with pytest.raises(ContractError, match=r"d\.nc: content: found no hash"):
        Draws.read(tmp_path / "d.nc")


def test_equal_content_is_equal_bytes(whole: Path, tmp_path: Path):
    draws().write(tmp_path / "draws.nc")
    data().write(tmp_path / "data")
    write_table(pd.DataFrame({"metric": ["nll", "accuracy"] * 50, "value": np.arange(100.0)}), tmp_path / "table.parquet")
    for name in ("draws.nc", "table.parquet", *(f"data/{file}" for file in Dataset.FILES)):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes(), name


def test_other_programs_read_sealed_files(whole: Path):
    assert pd.read_parquet(whole / "table.parquet")["value"].sum() == 4950
    with xr.open_datatree(whole / "draws.nc", engine="netcdf4") as tree:
        assert np.array_equal(np.moveaxis(tree["predictions"]["prob"].values, 2, 0), draws().prob)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 2}', "[" * 100_000, f'{{"a": {"9" * 5000}}}', '{"a": 1', "\ufeff{}", '{"a": 1} {}'],
    ids=["a key twice", "deep", "5,000 digits", "cut", "byte order mark", "two contents"],
)
def test_json_that_is_none_is_refused(text: str, tmp_path: Path):
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=r"a\.json: content: found .*; expected a complete JSON file"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(("shape", "file"), [((10**12, 10), "votes.npy"), ((2**62, 4), "votes.npy")])
def test_a_header_that_claims_all_memory_is_refused(shape: tuple[int, int], file: str, tmp_path: Path):
    with open(tmp_path / file, "wb") as handle:
        np.lib.format.write_array_header_1_0(handle, {"descr": "<i8", "fortran_order": False, "shape": shape})
        handle.write(bytes(160))
    with pytest.raises(ContractError, match="but the header says"):
        read_votes(tmp_path / file)


EXCHANGED = {
    "draws of two methods": ("demo/students/e/{}/r0-1.nc", lambda path: draws().write(path), Draws.read),
    "draws of two blocks": ("demo/students/e/m/r0-{}.nc", lambda path: draws().write(path), Draws.read),
    "tables of two experiments": (
        "demo/evaluation/{}/metrics.parquet",
        lambda path: write_table(pd.DataFrame({"a": [1]}), path),
        lambda path: read_table(path, "a table", "evaluate"),
    ),
    "logits of two teachers": ("shared/logits/{}/r0-0", lambda path: logits().write(path), Logits.read),
    "data of two settings": ("shared/data/{}/r0-0", lambda path: data().write(path), Dataset.read),
}  # fmt: skip


@pytest.mark.parametrize("kind", EXCHANGED)
def test_two_files_that_were_exchanged_are_refused(kind: str, tmp_path: Path):
    place, write, read = EXCHANGED[kind]
    a, b = (tmp_path / "results" / place.format(name) for name in (1, 2))
    for path in (a, b):
        write(path)
        read(path)
    aside = a.rename(tmp_path / "aside")
    b.rename(a)
    aside.rename(b)
    for path in (a, b):
        with pytest.raises(ContractError, match=f"^{path}.*place: .*expected .*Hint: swapped with another"):
            read(path)


def test_results_can_be_moved_and_read_elsewhere(tmp_path: Path):
    path = tmp_path / "results" / "demo" / "students" / "e" / "m" / "r0-0.nc"
    draws().write(path)
    shutil.copyfile(path, tmp_path / "mine.nc")
    (tmp_path / "results").rename(tmp_path / "old")
    (tmp_path / "old" / "demo").rename(tmp_path / "old" / "renamed")
    for place in ("mine.nc", "old/renamed/students/e/m/r0-0.nc"):
        assert Draws.read(tmp_path / place).attrs == {"method": "m"}


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_bomb_in_a_long_name_of_an_archive_is_refused_before_it_fills_the_memory(kind: bytes, tmp_path: Path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = kind, 200 << 20
    with gzip.open(tmp_path / "b.tar.gz", "wb", compresslevel=1) as handle:
        handle.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(200):
            handle.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(ContractError, match=r"b\.tar\.gz: content: found a header of 209,715,200 bytes"):
        read_members(tmp_path / "b.tar.gz", lambda name: True)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


def test_a_card_may_hold_a_setting_that_is_infinite(tmp_path: Path):
    replace(logits(), card={"settings": {"expected_residual": float("inf")}}).write(tmp_path)
    assert Logits.read(tmp_path).card["settings"] == {"expected_residual": float("inf")}


def test_long_names_in_archives_are_read(tmp_path: Path):
    name = "a/" * 90 + "b" * 120
    write_tar(tmp_path / "l.tar.gz", {name: b"content"})
    assert read_members(tmp_path / "l.tar.gz", lambda found: found == name) == {name: b"content"}


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for limit in ("mtbkd.base.reading.MOST_BYTES", "mtbkd.data.images.archive.MOST_ALONE"):
        monkeypatch.setattr(limit, 1000)
    (tmp_path / "i.gz").write_bytes(gzip.compress(bytes(2000), mtime=0))
    np.savez_compressed(tmp_path / "w.npz", a=np.zeros(2000))
    from mtbkd.base.reading import read_npz

    for read, file in ((read_usps, "i.gz"), (lambda p: read_idx(p, 3), "i.gz"),
                       (lambda p: read_npz(p, "weights"), "w.npz")):  # fmt: skip
        with pytest.raises(ContractError, match="more than 1000"):
            read(tmp_path / file)
