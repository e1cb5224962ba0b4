"""Raw files of the user's in place of the registry's: checked, and told on the card."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.sources import own_paths
from mtbkd.data.images.collections import FASHION_MNIST, MNIST
from mtbkd.data.images.files import OwnFile, places, remarks

KEY = "svhn/train_32x32.mat"


def test_a_file_of_the_users_is_taken_when_its_hash_is_right(tmp_path: Path) -> None:
    own = tmp_path / "mine.mat"
    own.write_bytes(b"content")
    right = {KEY: OwnFile(path=str(own), sha256=hashlib.sha256(b"content").hexdigest())}
    assert places([KEY, "a/b"], right, Path("raw")) == {KEY: own, "a/b": Path("raw/a/b")}
    assert remarks([KEY], right).keys() == {"Files of the user"}
    with pytest.raises(ContractError, match=r"mine.mat: sha256: found"):
        places([KEY], {KEY: OwnFile(path=str(own), sha256="0" * 64)}, Path("raw"))
    with pytest.raises(ContractError, match="file: found nothing; expected a file in place of svhn"):
        places([KEY], {KEY: OwnFile(path=str(tmp_path / "none"))}, Path("raw"))


def test_content_without_a_hash_is_called_unverified() -> None:
    assert "mnist_m/mnist_m.tar.gz: no hash is known" in remarks(["mnist_m/mnist_m.tar.gz"], {})["Unverified content"]
    assert KEY in remarks([KEY], {KEY: OwnFile(path="mine.mat")})["Unverified content"]
    assert remarks([KEY], {}) == {}


def downloads(kind: str, settings: dict[str, Any]) -> tuple[str, ...]:
    module = registry.part("dataset", kind)
    return module.raw_files(module.Settings.model_validate(settings))


def test_what_a_job_downloads_depends_on_the_settings() -> None:
    settings = {"n_train": 10, "n_val": 5, "n_test": 5}
    assert downloads("fashion_mnist", settings) == FASHION_MNIST.keys
    assert downloads("fashion_mnist", settings | {"ood": {"mnist": 3}}) == FASHION_MNIST.keys + MNIST.keys
    own = {"files": {FASHION_MNIST.keys[0]: {"path": "mine.gz"}}}
    assert downloads("fashion_mnist", settings | own) == FASHION_MNIST.keys[1:] and own_paths(own) == ["mine.gz"]
    assert downloads("digit_domains", {"textures": "cifar10"}) == (*MNIST.keys, "cifar10/cifar-10-binary.tar.gz")
