"""Readers of published formats: what was written is read, and every broken file is refused by name."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.data.images import cifar, scaled
from mtbkd.data.images.archive import read_members
from mtbkd.data.images.idx import read_idx, read_pair
from mtbkd.data.images.matlab import read_mat
from mtbkd.data.images.mnist_m import read_mnist_m
from mtbkd.data.images.usps import read_usps
from tests.data.images.formats import (
    cifar_bytes,
    idx_bytes,
    mnist_m_members,
    random_images,
    write_idx,
    write_mat,
    write_tar,
    write_usps,
)

PIXELS, LABEL = random_images("test", (3, 32, 32))
GREY, DIGIT = random_images("test", (1, 28, 28))


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(ContractError) as error:
        read()
    return str(error.value)


def test_idx_files_are_read_packed_or_not(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(idx_bytes(GREY[:, 0]))
    images = read_pair(write_idx(tmp_path / "i.gz", GREY[:, 0]), write_idx(tmp_path / "l.gz", DIGIT), 10)
    assert np.array_equal(images.pixels, GREY) and np.array_equal(images.label, DIGIT) and images.label.dtype == np.int64
    assert np.array_equal(read_idx(tmp_path / "plain", 3), GREY[:, 0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(idx_bytes(GREY[:, 0]), mtime=0)[:-400], "content: found Compressed file ended"),
        (gzip.compress(idx_bytes(GREY[:, 0])[:-1], mtime=0), "length: found 31375 bytes; expected 31376, as its header says"),
        (gzip.compress(idx_bytes(GREY[:, 0]) + b"x", mtime=0), "length: found 31377"),
        (
            gzip.compress(b"\0\0\x0d\x03" + idx_bytes(GREY[:, 0])[4:], mtime=0),
            "magic number: found 0x00000d03; expected 0x00000803",
        ),
        (gzip.compress(idx_bytes(DIGIT), mtime=0), "magic number: found 0x00000801"),
        (b"<html>not found</html>", "magic number: found 0x3c68746d"),
        (b"", r"magic number: found 0x\(an empty file\)"),
        (gzip.compress(b"\0\0\x08\x03\0\0", mtime=0), "length: found 6 bytes"),
    ],
    ids=[
        "gzip cut short",
        "content cut short",
        "too long",
        "floats",
        "labels for images",
        "a web page",
        "empty",
        "header cut short",
    ],
)
def test_broken_idx_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(content)
    with pytest.raises(ContractError, match=f"images.gz: {message}"):
        read_idx(tmp_path / "images.gz", 3)


def test_as_many_labels_as_images_are_needed(tmp_path: Path) -> None:
    images, labels = write_idx(tmp_path / "i.gz", GREY[:, 0]), write_idx(tmp_path / "l.gz", DIGIT[:-1])
    assert "labels: found 39 for 40 images" in refused(lambda: read_pair(images, labels, 10))
    assert "labels: found 0..9; expected 0..4" in refused(lambda: read_pair(images, write_idx(labels, DIGIT), 5))


def test_idx_files_are_read_as_torchvision_reads_them(mirror: Path, tmp_path: Path) -> None:
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    packed = mirror / "mnist" / "t10k-labels-idx1-ubyte.gz"
    (tmp_path / "labels").write_bytes(gzip.decompress(packed.read_bytes()))
    assert np.array_equal(read_idx(packed, 1), read_sn3_pascalvincent_tensor(str(tmp_path / "labels")).numpy())


@pytest.mark.parametrize("label_bytes", [1, 2])
def test_cifar_batches_are_read_in_their_order(label_bytes: int, tmp_path: Path) -> None:
    batches = {"train": ("a.bin", "b.bin"), "test": ("t.bin",)}
    content = cifar_bytes(PIXELS, LABEL, label_bytes)
    half = len(content) // 2
    path = write_tar(tmp_path / "c.tar.xz", {"d/t.bin": content[:half], "d/b.bin": content[half:], "d/a.bin": content[:half]})
    images = cifar.read_archive(path, batches, "train", label_bytes, 10)
    assert np.array_equal(images.pixels, PIXELS) and np.array_equal(images.label, LABEL)
    assert len(cifar.read_archive(path, batches, "test", label_bytes, 10).label) == 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"t.bin": cifar_bytes(PIXELS, LABEL, 1)[:-7]}, "t.bin: length: found 122913 bytes; expected records of 3073"),
        ({"t.bin": cifar_bytes(PIXELS, LABEL + 6, 1)}, "t.bin: labels: found 6..15; expected 0..9"),
        ({"u.bin": b""}, "members: found no t.bin"),
        ({"t.bin": b""}, "t.bin: length: found 0 bytes"),
    ],
    ids=["cut short", "labels", "missing", "empty"],
)
def test_broken_cifar_batches_are_refused(content: dict[str, bytes], message: str, tmp_path: Path) -> None:
    path = write_tar(tmp_path / "c.tar.gz", content)
    with pytest.raises(ContractError, match=message):
        cifar.read_archive(path, {"test": ("t.bin",)}, "test", 1, 10)


@pytest.mark.parametrize("name", ["../escape.bin", "/etc/escape.bin", "a/../../escape.bin", "..\\escape.bin"])
def test_an_archive_with_a_path_that_escapes_is_refused_whole(name: str, tmp_path: Path) -> None:
    path = write_tar(tmp_path / "t.tar.gz", {"good.bin": b"1", name: b"2"})
    assert "which leads out of the archive" in refused(lambda: read_members(path, lambda member: member == "good.bin"))
    assert not list(tmp_path.parent.rglob("escape.bin"))


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "t.tar", "w") as archive:
        link = tarfile.TarInfo("passwords")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert "which is a link or a device" in refused(lambda: read_members(tmp_path / "t.tar", lambda member: True))


@pytest.mark.parametrize("suffix", ["gz", "xz"])
def test_an_archive_cut_short_is_refused(suffix: str, tmp_path: Path) -> None:
    path = write_tar(tmp_path / f"t.tar.{suffix}", {"t.bin": cifar_bytes(PIXELS, LABEL, 1)})
    path.write_bytes(path.read_bytes()[:-2000])
    assert "content: found" in refused(lambda: read_members(path, lambda member: True))
    path.write_bytes(b"no archive")
    assert "expected a whole tar archive" in refused(lambda: read_members(path, lambda member: True))
    path.unlink()
    assert "file: found nothing" in refused(lambda: read_members(path, lambda member: True))


def test_an_archive_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtbkd.data.images.archive.MOST_BYTES", 1000)
    path = write_tar(tmp_path / "t.tar.gz", {"t.bin": bytes(1001)})
    assert "more than" in refused(lambda: read_members(path, lambda member: False))


def test_the_label_10_of_svhn_is_the_digit_0(tmp_path: Path) -> None:
    images = read_mat(write_mat(tmp_path / "s.mat", PIXELS, LABEL))
    assert np.array_equal(images.pixels, PIXELS) and np.array_equal(images.label, LABEL) and 0 in images.label


def test_broken_matlab_files_are_refused(tmp_path: Path) -> None:
    from scipy.io import savemat

    path = write_mat(tmp_path / "s.mat", PIXELS, LABEL)
    path.write_bytes(path.read_bytes()[:50_000])
    assert "variables: found no y; expected X and y. Hint: is it truncated?" in refused(lambda: read_mat(path))
    path.write_bytes(path.read_bytes()[:100])
    assert "expected a MATLAB file" in refused(lambda: read_mat(path))
    savemat(path, {"X": PIXELS.transpose(2, 3, 1, 0)})
    assert "variables: found no y" in refused(lambda: read_mat(path))
    savemat(path, {"X": PIXELS.transpose(2, 3, 1, 0), "y": LABEL[:-3]})
    assert "found 37 for 40 images" in refused(lambda: read_mat(path))
    savemat(path, {"X": PIXELS.astype(float), "y": LABEL})
    assert "X: found double" in refused(lambda: read_mat(path))


def test_usps_lines_are_read_and_broken_ones_refused(tmp_path: Path) -> None:
    pixels, label = random_images("test", (1, 16, 16))
    images = read_usps(write_usps(tmp_path / "u.gz", pixels, label))
    assert np.array_equal(images.pixels, pixels) and np.array_equal(images.label, label)
    values = " 0.5" * 254
    for line, message in (
        (f"1{values}", "values: found 254 per line; expected 256"),
        (f"1{values} 0 7", "values: found 0..7; expected -1..1"),
        (f"1{values} 0 nan", "non-finite numbers"),
        (f"10{values} 0 0", "labels: found 10..10; expected 0..9"),
        (f"1.5{values} 0 0", "labels that are not integers"),
        (f"1{values} 0 0\n1 0", "expected lines of a digit and 256 values"),
        ("\n", "images: found none"),
    ):
        (tmp_path / "v").write_text(f"{line}\n")
        assert message in refused(lambda: read_usps(tmp_path / "v"))


def test_the_published_usps_is_complete(mirror: Path) -> None:
    """Digits counted by its publisher; an image near the blank one would be a row read wrongly."""
    for part, counts in (("train", [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]),
                         ("test", [359, 264, 198, 166, 200, 160, 170, 147, 166, 177])):  # fmt: skip
        images = read_usps(mirror / "usps" / f"zip.{part}.gz")
        assert np.bincount(images.label).tolist() == counts
        assert images.pixels.max((1, 2, 3)).min() > 200


def test_mnist_m_is_read_in_the_order_of_its_list(tmp_path: Path) -> None:
    images = read_mnist_m(write_tar(tmp_path / "m.tar.gz", mnist_m_members("test")), "test")
    assert np.array_equal(images.pixels, PIXELS) and np.array_equal(images.label, LABEL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mnist_m/mnist_m_test_labels.txt": b"00000000.png 3\nnone.png 4"}, "found no none.png"),
        ({"mnist_m/mnist_m_test_labels.txt": b"00000000.png three"}, "expected lines 'file label'"),
        ({"mnist_m/mnist_m_test/00000000.png": b"GIF89a"}, "00000000.png: found"),
    ],
    ids=["missing image", "label", "no PNG"],
)
def test_broken_mnist_m_is_refused(change: dict[str, bytes], message: str, tmp_path: Path) -> None:
    path = write_tar(tmp_path / "m.tar.gz", mnist_m_members("test") | change)
    with pytest.raises(ContractError, match=message):
        read_mnist_m(path, "test")


def test_pixels_become_numbers_from_minus_one_to_one() -> None:
    assert scaled(np.array([0, 255], np.uint8)).tolist() == [-1, 1]


def test_mnist_m_images_are_decoded_from_png_only(tmp_path: Path) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(PIXELS[0].transpose(1, 2, 0)).save(buffer, "BMP")
    path = write_tar(tmp_path / "m.tar.gz", mnist_m_members("test") | {"mnist_m/mnist_m_test/00000000.png": buffer.getvalue()})
    assert "expected a PNG image" in refused(lambda: read_mnist_m(path, "test"))
