"""Residual teachers: trained here, and pretrained ones whose files are checked before anything of them is used."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import cifar10
from mtbkd.data.images.cifar import CIFAR10_CLASSES
from mtbkd.teachers import cifar_resnet, resnet
from mtbkd.teachers.residual import logits_of, residual_network


def network(depth: int = 20) -> torch.nn.Module:
    torch.manual_seed(0)
    return residual_network(3, (16, 32, 64), ((depth - 2) // 6,) * 3, 10, False, "padding")


def state(**changed: torch.Tensor) -> dict[str, torch.Tensor]:
    """As published: names with a prefix, no counters."""
    own = {k: v for k, v in network().state_dict().items() if not k.endswith("num_batches_tracked")}
    return {f"module.{key}": value for key, value in {**own, **changed}.items()}


def test_the_networks_have_the_published_sizes() -> None:
    sizes = [sum(p.numel() for p in network(depth).parameters()) for depth in cifar_resnet.FILES]
    assert [round(size / 1e6, 2) for size in sizes] == [0.27, 0.46, 0.66, 0.85]
    large = residual_network(3, (64, 128, 256, 512), (3, 4, 6, 3), 10, True, "projection")
    assert 23e6 < sum(p.numel() for p in large.parameters()) < 24e6


def test_folding_the_normalisation_changes_no_logit() -> None:
    net = residual_network(3, (4, 8), (1, 2), 10, True, "projection")
    x = torch.randn(5, 3, 8, 8)
    net(torch.randn(64, 3, 8, 8))  # moves the running statistics away from 0 and 1
    folded = logits_of(net, x, 2, "cpu")
    torch.testing.assert_close(folded, net.eval()(x).detach(), rtol=1e-4, atol=1e-5)


def test_a_published_file_is_read_as_it_is(tmp_path: Path) -> None:
    torch.save({"state_dict": state(), "best_prec1": 91.0}, tmp_path / "net.th")
    read = cifar_resnet.read_network(tmp_path / "net.th", 20)
    own = network().state_dict()
    assert all(torch.equal(value, own[key]) for key, value in read.state_dict().items())


class Payload:
    """What unpickling would execute."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.target,)


def test_a_pickle_payload_is_refused_and_not_executed(tmp_path: Path) -> None:
    path, proof = tmp_path / "net.th", tmp_path / "executed"
    torch.save({"state_dict": state(), "more": Payload(proof)}, path)
    with pytest.raises(ContractError, match=r"net.th: content: found a pickle of something other than tensors"):
        cifar_resnet.read_network(path, 20)
    path.write_bytes(pickle.dumps(Payload(proof)))
    with pytest.raises(ContractError, match=r"net.th: content: found"):
        cifar_resnet.read_network(path, 20)
    assert not proof.exists()
    pickle.loads(path.read_bytes())
    assert proof.exists()  # a careless reader would have executed it


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": state(**{"hook.weight": torch.ones(2)})}, "keys: found 1 foreign, the first is 'hook.weight'"),
        ({"state_dict": dict(list(state().items())[1:])}, "keys: found 1 missing, the first is 'conv1.weight'"),
        ({"state_dict": state(**{"linear.bias": torch.ones(9)})}, r"linear.bias: found torch.float32 of shape \(9,\)"),
        ({"state_dict": state(**{"linear.bias": torch.full((10,), torch.nan)})}, "linear.bias: found .* finite"),
        ({"model": state()}, "state_dict: found none"),
        ([torch.ones(3)], "state_dict: found none"),
    ],
    ids=["foreign key", "missing key", "shape", "not finite", "no state_dict", "a list"],
)
def test_files_of_another_network_are_refused(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.th")
    with pytest.raises(ContractError, match=message):
        cifar_resnet.read_network(tmp_path / "net.th", 20)


def test_a_file_of_another_depth_or_cut_short_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": state()}, tmp_path / "net.th")
    with pytest.raises(ContractError, match=r"the first is 'layer1.3.bn1.bias'; expected the .* of a CIFAR ResNet-32"):
        cifar_resnet.read_network(tmp_path / "net.th", 32)
    (tmp_path / "net.th").write_bytes((tmp_path / "net.th").read_bytes()[:300_000])
    with pytest.raises(ContractError, match=r"net.th: content: found"):
        cifar_resnet.read_network(tmp_path / "net.th", 20)
    with pytest.raises(ContractError, match="file: found nothing"):
        cifar_resnet.read_network(tmp_path / "none.th", 20)


def test_a_specialist_gives_the_other_classes_their_stated_share_evenly() -> None:
    logits = np.random.default_rng(0).normal(0, 30, (1, 50, 10)).astype(np.float32)
    masked = cifar_resnet.restricted(logits, [3, 5], 0.02)
    prob = np.exp(masked.astype(np.float64))
    np.testing.assert_allclose(prob.sum(-1), 1, rtol=1e-5)
    outside = np.delete(prob, [3, 5], axis=-1)
    np.testing.assert_allclose(outside, 0.02 / 8, rtol=1e-5)
    np.testing.assert_allclose(masked[..., 3] - masked[..., 5], logits[..., 3] - logits[..., 5], rtol=1e-5, atol=1e-4)


@pytest.fixture(scope="module")
def few(mirror: Path) -> Dataset:
    settings = cifar10.Settings(release="first_10k", n_train=2, n_val=2, n_test=300)
    return cifar10.prepare("cifar10", settings, 1, range(1), mirror)


def test_the_published_network_has_its_published_accuracy(few: Dataset, mirror: Path) -> None:
    """On 300 of the 10,000 test images, within four standard errors; a shifted order of the images is caught."""
    settings = cifar_resnet.Settings(expected_accuracy=0.9173, classes=("cat", "dog"))
    logits = cifar_resnet.train("t", None, settings, few, 0, 0, "cpu", mirror)
    assert abs(logits.card["accuracy_before_restriction"]["test"] - 0.9173) < 0.065
    assert set(logits.logits.argmax(-1).ravel().tolist()) == {CIFAR10_CLASSES.index("cat"), CIFAR10_CLASSES.index("dog")}
    with pytest.raises(ContractError, match="accuracy on the test split"):
        cifar_resnet.train("t", None, settings, replace(few, x=np.roll(few.x, 7, axis=1)), 0, 0, "cpu", mirror)


def test_other_images_than_cifar10_are_refused(few: Dataset, mirror: Path) -> None:
    with pytest.raises(ContractError, match=r"expected shape .* and the classes of CIFAR-10"):
        cifar_resnet.train("t", None, cifar_resnet.Settings(), replace(few, x=few.x[..., :28]), 0, 0, "cpu", mirror)


def toy() -> Dataset:
    """Two classes: a bright or dark left half in one domain, a dark or bright upper half in the other."""
    rng = np.random.default_rng(0)
    split = np.repeat(["train", "val", "test"], (160, 20, 40))
    y, domain = rng.integers(0, 2, (1, len(split))), rng.integers(0, 2, (1, len(split)))
    x = rng.normal(0, 0.3, (1, len(split), 1, 8, 8))
    side = (1 - 2 * y)[..., None, None, None]
    x[..., :4] += side * (domain == 0)[..., None, None, None]
    x[..., :4, :] -= side * (domain == 1)[..., None, None, None]
    ids = np.array([str(i) for i in range(len(split))])
    return Dataset("toy", x.astype("f4"), y, split, ("bright", "dark"), ids, domain, ("left", "upper")).validate()


SMALL = resnet.Settings(channels=(4, 8), steps=60, batch_size=32)


def test_a_specialist_knows_its_domain_and_not_the_other() -> None:
    card = resnet.train("t", "left", SMALL, toy(), 0, 0, "cpu", Path()).card
    assert card["accuracy"]["test/left"] > 0.9 and card["accuracy"]["test/upper"] < 0.3
    both = resnet.train("t", "left", SMALL.model_copy(update={"exposure": 1.0}), toy(), 0, 0, "cpu", Path()).card
    assert both["accuracy"]["test/upper"] > 0.9 and both["examples_seen"] > card["examples_seen"]


def test_augmented_images_are_moved_and_mirrored_and_nothing_else() -> None:
    x = torch.arange(2 * 36.0).view(1, 2, 6, 6).expand(200, 2, 6, 6)
    settings = resnet.Settings(shift=1, flip=True)
    moved = resnet._augmented(x, settings, torch.Generator().manual_seed(0))
    centre = {tuple(image[0, 2, 2:4].tolist()) for image in moved}
    expected = {
        (6.0 * r + c, 6.0 * r + c + s) for r in (1, 2, 3) for c, s in ((1, 1), (2, 1), (3, 1), (4, -1), (3, -1), (2, -1))
    }
    assert centre == expected and torch.equal(moved[:, 1] - moved[:, 0], torch.full((200, 6, 6), 36.0))


def test_stages_that_do_not_fit_the_images_are_refused() -> None:
    with pytest.raises(ContractError, match=r"images: found shape \(1, 8, 8\) for 5 stages"):
        resnet.train("t", None, resnet.Settings(channels=(2,) * 5), toy(), 0, 0, "cpu", Path())
    with pytest.raises(ContractError, match="2 stages of channels and 3 of blocks"):
        resnet.train("t", None, resnet.Settings(channels=(2, 2), blocks=(1, 1, 1)), toy(), 0, 0, "cpu", Path())
