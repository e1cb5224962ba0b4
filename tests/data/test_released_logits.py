"""Released logits: the reader, and the data set and teachers that are made of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.base.errors import ContractError
from mtbkd.data.datasets import cifar100_logits
from mtbkd.data.raw_files import raw_files
from mtbkd.data.released_logits import ARCHITECTURES, SEEDS, key, read, sources
from mtbkd.teachers import released

LOGITS = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]], dtype=torch.float16)


def written(path: Path, **content: Any) -> Path:
    torch.save(content, path)
    return path


def test_a_file_of_tensors_is_read_with_its_labels(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.pt", logits=LOGITS, labels=torch.tensor([1, 0, 1]), acc=0.5), 2)
    np.testing.assert_array_equal(found.logits, LOGITS.double())
    assert found.labels is not None and found.labels.tolist() == [1, 0, 1] and found.labels.dtype == np.int64
    assert read(written(tmp_path / "b.pt", logits=LOGITS, labels=None), 2).labels is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"logits": LOGITS[:, :1]}, "logits: found shape (3, 1)"),
        ({"other": LOGITS}, "logits: found none"),
        ({"logits": LOGITS / 0}, "not finite"),
        ({"logits": LOGITS, "labels": torch.tensor([0, 1, 2])}, "labels: found 0..2"),
        ({"logits": LOGITS, "labels": torch.tensor([0, 1])}, "expected 3 whole numbers"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(content: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as refused:
        read(written(tmp_path / "a.pt", **content), 2)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_pickle_of_code_is_not_executed(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "harm",))

    with pytest.raises(ContractError, match="not executed"):
        read(written(tmp_path / "a.pt", logits=Harm()), 2)
    assert not (tmp_path / "harm").exists()


def test_every_release_has_its_raw_files_and_is_a_source_of_teachers() -> None:
    assert len(ARCHITECTURES) == len(SEEDS) == 5
    for name, files in sources().items():
        assert (
            set(released.raw_files(released.Settings.model_validate({"source": name})))
            == set(files.values())
            <= set(raw_files())
        )


def test_logits_of_images_in_another_order_are_refused(mirror: Path, tmp_path: Path) -> None:
    data = cifar100_logits.prepare("c", cifar100_logits.Settings.model_validate({}), 1, range(1), mirror)
    whole = read(mirror / key("resnet50_seed7"), 100)
    assert whole.labels is not None
    (tmp_path / "cifar100_teachers").mkdir()
    turned = {"logits": torch.as_tensor(whole.logits[::-1].copy()), "labels": torch.as_tensor(whole.labels[::-1].copy())}
    written(tmp_path / key("resnet50_seed7"), **turned)
    settings = released.Settings.model_validate({"source": "cifar100/resnet50_seed7", "seen": []})
    with pytest.raises(ContractError, match="another order"):
        released.train("t", None, settings, data, 1, 0, "cpu", tmp_path)
    found = released.train("t", None, settings, data, 1, 0, "cpu", mirror)
    assert found.card["covered"]["ood:textures"] == "0 of 1880" and found.card["covered"]["test"] == "8000 of 8000"


def test_class_names_are_in_the_order_of_the_labels(mirror: Path) -> None:
    data = cifar100_logits.prepare("c", cifar100_logits.Settings.model_validate({}), 1, range(1), mirror)
    assert [data.class_names[k] for k in data.y[0, :5]] == ["mountain", "forest", "seal", "mushroom", "sea"]
