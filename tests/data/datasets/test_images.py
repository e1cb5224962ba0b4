"""Collections of images as datasets: which images are drawn, what is added to them, and what is refused beforehand."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import cifar10, digit_domains, digit_five, digit_usps_mnist, mnist
from mtbkd.data.images.collections import CIFAR10_FIRST_10K_OF_ALL, FASHION_MNIST, MNIST, USPS
from tests.data.images.formats import cifar_bytes, random_images, write_all, write_tar

SETTINGS = {"n_train": 40, "n_val": 20, "n_test": 15, "gammas": [0, 0.5], "n_gamma": 6, "ood": {"fashion": 9}}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_all(folder, (*MNIST.keys, *FASHION_MNIST.keys, *USPS.keys))
    return folder


def prepare(raw: Path, **changed: object) -> Dataset:
    settings = mnist.Settings.model_validate({**SETTINGS, **changed})
    return mnist.prepare("data", settings, 3, range(1), raw)


def test_every_image_is_the_one_that_its_id_says(raw: Path) -> None:
    data = prepare(raw)
    assert data.splits() == ["train", "val", "test", "ood:fashion", "ood:gamma_0", "ood:gamma_0.5"]
    for part, splits in (("train", ("train", "val")), ("test", ("test",))):
        pixels, label = random_images(part, (1, 28, 28))
        rows = np.flatnonzero(np.isin(data.split, splits))
        numbers = [int(i.rpartition("-")[2]) for i in data.ids[rows].tolist()]
        np.testing.assert_allclose((data.x[0, rows] + 1) * 127.5, pixels[numbers], atol=1e-3)
        assert np.array_equal(data.y[0, rows], label[numbers])


def test_fewer_training_images_are_among_more_and_validation_stays(raw: Path) -> None:
    few, many = prepare(raw, n_train=10), prepare(raw)
    assert set(few.ids[few.rows("train")]) < set(many.ids[many.rows("train")])
    for split in ("val", "test"):
        assert np.array_equal(few.ids[few.rows(split)], many.ids[many.rows(split)])


def test_perturbed_images_keep_their_labels_and_share_their_noise(raw: Path) -> None:
    data = prepare(raw)
    test, zero, half = (data.rows(s) for s in ("test", "ood:gamma_0", "ood:gamma_0.5"))
    for rows in (zero, half):
        assert np.array_equal(data.y[0, rows], data.y[0, test[:6]])
        assert [i.partition("-gamma")[0] for i in data.ids[rows].tolist()] == data.ids[test[:6]].tolist()
    np.testing.assert_allclose(data.x[0, zero], data.x[0, test[:6]], atol=0.02)  # random pixels all but span the range
    assert np.abs(data.x[0, half] - data.x[0, zero]).mean() > 0.1


def test_foreign_images_have_no_label(raw: Path) -> None:
    data = prepare(raw)
    rows = data.rows("ood:fashion")
    assert len(rows) == 9 and (data.y[0, rows] == -1).all() and all(i.startswith("fashion-test-") for i in data.ids[rows])
    assert "Fashion-MNIST" in data.card["source"]


def test_teachers_see_the_labels_that_students_do_not(raw: Path) -> None:
    data = prepare(raw, label_share=0.25)
    train = data.rows("train")
    assert (data.y[0, train] >= 0).sum() == 10 and data.teacher_y is not None and (data.teacher_y[0, train] >= 0).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_train": 59_990, "n_val": 20}, "at most the 60,000 images of the train part; these settings take 60,010"),
        ({"ood": {"fasion": 3}}, "found 'fasion'; allowed: fashion. did you mean 'fashion'"),
        ({"files": {"mnist/train.gz": {"path": "x"}}}, "found 'mnist/train.gz'; allowed: mnist/train-images"),
        ({"gammas": [-1]}, "greater than or equal to 0"),
    ],
    ids=["too many", "foreign", "file", "gamma"],
)
def test_impossible_settings_are_refused_before_anything_is_read(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        mnist.Settings.model_validate({**SETTINGS, **changed})


def test_the_smaller_release_comes_from_the_archive_that_is_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, settings = "cifar10/cifar-10-binary-10k.tar.xz", cifar10.Settings(release="first_10k", n_train=9_000, n_val=1_000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MTBKD_MIRROR", raising=False)
    assert cifar10.raw_files(settings) == ("cifar10/cifar-10-binary.tar.gz",)
    (tmp_path / "mirror" / small).parent.mkdir(parents=True)
    (tmp_path / "mirror" / small).touch()
    monkeypatch.setenv("MTBKD_MIRROR", str(tmp_path / "mirror"))
    assert cifar10.raw_files(settings) == (small,)


def test_the_first_10_000_images_are_the_same_from_either_archive(tmp_path: Path) -> None:
    pixels, label = random_images("test", (3, 32, 32))
    batches = {
        name: (pixels, (label + i) % 10) for i, name in enumerate(["test_batch", *(f"data_batch_{i}" for i in range(1, 6))])
    }
    content = {f"cifar-10-batches-bin/{name}.bin": cifar_bytes(*images, 1) for name, images in batches.items()}
    write_tar(tmp_path / "all.tar", content)
    found = CIFAR10_FIRST_10K_OF_ALL.reader({CIFAR10_FIRST_10K_OF_ALL.keys[0]: tmp_path / "all.tar"}, "train")
    assert np.array_equal(found.label, batches["data_batch_1"][1])


def test_the_smaller_release_holds_10_000_images() -> None:
    with pytest.raises(ValidationError, match="at most the 10,000 images"):
        cifar10.Settings(release="first_10k")


def test_a_file_of_the_users_that_holds_too_few_images_is_refused(raw: Path, tmp_path: Path) -> None:
    keys = [key for key in mnist.RAW if "train" in key]
    files = {key: {"path": str(raw / key)} for key in keys}
    assert not set(keys) & set(mnist.raw_files(mnist.Settings.model_validate({**SETTINGS, "files": files})))
    with pytest.raises(ContractError, match="images of the train part: found 90; expected at least 1020"):
        prepare(raw, files=files, n_train=1000)


@pytest.fixture(scope="module")
def domains(raw: Path) -> Dataset:
    settings = digit_domains.Settings(n_train=25, n_val=15, n_test=12)
    return digit_domains.prepare("data", settings, 3, range(1), raw)


def test_no_image_of_mnist_is_in_two_domains_or_splits(domains: Dataset) -> None:
    for part in (("train", "val"), ("test",)):
        numbers = [
            i.rpartition("-")[2] for i, s in zip(domains.ids, domains.split, strict=True) if s in part and "fonts" not in i
        ]
        assert len(set(numbers)) == len(numbers) > 0
    assert np.bincount(domains.domain[0]).tolist() == [52, 52, 52]  # pyright: ignore[reportOptionalSubscript]


def test_an_unseen_domain_is_in_no_split_but_its_own(raw: Path, domains: Dataset) -> None:
    settings = digit_domains.Settings(n_train=25, n_val=15, n_test=12, held_out="blended")
    data = digit_domains.prepare("data", settings, 3, range(1), raw)
    rows = data.rows("ood:blended")
    assert len(rows) == 12 and (data.y[0, rows] >= 0).all()
    assert set(data.domain[0, data.split != "ood:blended"].tolist()) == {0, 2}  # pyright: ignore[reportOptionalSubscript]
    same = {i: x for i, x in zip(domains.ids.tolist(), domains.x[0], strict=True)}
    assert all(np.array_equal(same[i], x) for i, x in zip(data.ids.tolist(), data.x[0], strict=True))


def test_digit_five_cuts_the_official_images_to_28_pixels(tmp_path: Path) -> None:
    write_all(tmp_path, digit_five.RAW)
    data = digit_five.prepare("data", digit_five.Settings(n_train=40, n_val=20, n_test=30), 3, range(1), tmp_path)
    pixels, label = random_images("test", (3, 32, 32))
    for domain in digit_five.DOMAINS:
        rows = [i for i, name in enumerate(data.ids.tolist()) if name.startswith(f"{domain}-test")]
        numbers = [int(data.ids[i].rpartition("-")[2]) for i in rows]
        np.testing.assert_allclose((data.x[0, rows] + 1) * 127.5, pixels[numbers][:, :, 2:-2, 2:-2], atol=1e-3)
        assert np.array_equal(data.y[0, rows], label[numbers])
    assert "mnist_m" in data.card["Unverified content"] and "svhn" not in data.card["Unverified content"]


HANDS = {"n_train": 40, "n_val": 20, "n_test": 30, "n_teachers": 30}


def hands(raw: Path, **changed: object) -> Dataset:
    settings = digit_usps_mnist.Settings.model_validate({**HANDS, **changed})
    return digit_usps_mnist.prepare("data", settings, 3, range(1), raw)


def test_a_larger_image_is_averaged_by_area_and_one_of_the_right_size_stays(raw: Path) -> None:
    """28 pixels and 16 divide 112: there every old pixel is 4 wide and every new one 7."""
    data, sizes = hands(raw), {"mnist": 28, "usps": 16}
    for part in ("train", "test"):
        for domain, size in sizes.items():
            pixels, label = random_images(part, (1, size, size))
            rows = [i for i, name in enumerate(data.ids.tolist()) if name.startswith(f"{domain}-{part}")]
            numbers = [int(data.ids[i].rpartition("-")[2]) for i in rows]
            fine = np.kron(pixels[numbers].astype(float), np.ones((112 // size, 112 // size)))
            wanted = fine.reshape(len(rows), 1, 16, 7, 16, 7).mean((3, 5)) / 127.5 - 1
            np.testing.assert_allclose(data.x[0, rows], wanted, atol=1e-6)
            assert data.teacher_y is not None and np.array_equal(data.teacher_y[0, rows], label[numbers])


def test_teachers_have_images_of_their_own_in_both_domains(raw: Path) -> None:
    data = hands(raw, label_share=0.25)
    own, train = data.rows("teachers"), data.rows("train")
    assert data.domain is not None and data.teacher_y is not None
    assert np.bincount(data.domain[0, own]).tolist() == [30, 30] and np.bincount(data.domain[0, train]).tolist() == [40, 40]
    assert (data.y[0, own] == -1).all() and (data.teacher_y[0, own] >= 0).all() and (data.y[0, train] >= 0).sum() == 20
    assert not set(data.ids[own]) & set(data.ids[data.split != "teachers"])


def test_of_a_hand_that_is_held_out_only_test_images_stay(raw: Path) -> None:
    data = hands(raw, held_out="usps")
    rows = data.rows("ood:usps")
    assert data.domain is not None and (data.domain[0, rows] == 1).all() and len(rows) == 30 and (data.y[0, rows] >= 0).all()
    assert (data.domain[0, data.split != "ood:usps"] == 0).all()


def test_more_images_than_usps_has_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"n_teachers \+ n_val \+ n_train: found 8,000; allowed: at most the 7,291"):
        digit_usps_mnist.Settings(n_train=3_600)
