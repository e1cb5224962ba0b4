"""The convolution over residues: its equations position by position, and that it finds what its training chains repeat."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.data.encoders import cnn
from mtbkd.data.sequences import RESIDUES

MOTIF = "WCHWM"


def settings(**given: object) -> cnn.Settings:
    return cnn.Settings.model_validate(given)


def random_chains(count: int, length: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(RESIDUES), length)) for _ in range(count)]


def by_hand(encoder: cnn.Encoder, chain: str) -> np.ndarray:
    """What the positions of ``chain`` say (L, C), with loops and in double precision."""
    kernels, bias = encoder.kernels.double().numpy(), encoder.bias.double().numpy()
    half = encoder.settings.width // 2
    said = np.tile(bias, (len(chain), 1))
    for position in range(len(chain)):
        for step in range(-half, half + 1):
            if 0 <= position + step < len(chain) and chain[position + step] in RESIDUES:
                said[position] += kernels[:, RESIDUES.index(chain[position + step]), step + half]
    return np.maximum(said, 0)


def test_the_parts_are_those_of_the_equations():
    encoder = cnn.trained(settings(kernels=6, width=5, end=7), random_chains(20, 50))
    long, short = random_chains(1, 31, seed=1)[0][:15] + "XBZ" + random_chains(1, 12, seed=2)[0], "MKV"
    for row, chain in zip(cnn.encode(encoder, [long, short]), (long, short), strict=True):
        said = by_hand(encoder, chain)
        expected = [said.mean(0), said.max(0), said[:7].mean(0), said[-7:].mean(0)]
        np.testing.assert_allclose(row.reshape(4, 6), expected, atol=1e-4)


def test_activations_sum_to_zero_before_the_threshold():
    encoder = cnn.trained(settings(kernels=5, width=3), random_chains(20, 50))
    np.testing.assert_allclose(encoder.kernels.sum(0), 0, atol=1e-4)
    np.testing.assert_allclose(encoder.bias.sum(), 0, atol=1e-4)


def test_windows_stay_within_their_chain():
    w = cnn._windows(["AC", "D"], 3, cnn.torch.Generator())
    letters = {"".join([*RESIDUES, "-"][int(r.argmax()) if r.any() else -1] for r in row.view(3, 20)) for row in w}
    assert letters == {"-AC", "AC-", "-D-"}


def test_a_motif_that_chains_repeat_becomes_a_kernel():
    chains = [chain[:20] + MOTIF + chain[20:] for chain in random_chains(400, 40)]
    encoder = cnn.trained(settings(kernels=32, width=5, parts=("max",)), chains)
    fresh = random_chains(200, 40, seed=5)
    x, y = (cnn.encode(encoder, [c[:at] + insert + c[at:] for c in fresh]) for at, insert in ((11, MOTIF), (11, "AAAAA")))
    apart = (x.mean(0) - y.mean(0)) / np.sqrt((x.var(0) + y.var(0)) / 2)
    assert apart.max() > 4 and np.median(np.abs(apart)) < 0.5


def test_training_is_the_same_each_time_and_fewer_windows_than_kernels_are_no_error():
    chains = random_chains(3, 4)
    one, two = (cnn.trained(settings(kernels=40, width=3), chains) for _ in range(2))
    assert one.kernels.equal(two.kernels) and one.kernels.isfinite().all()


def test_what_is_read_of_long_chains_and_bad_settings(tmp_path: Path):
    short = settings(max_length=10)
    assert cnn.prepared(short, "A" * 5 + "W" * 40 + "C" * 5) == "A" * 5 + "C" * 5
    with pytest.raises(ValidationError, match="odd width"):
        settings(width=4)
    with pytest.raises(ValidationError, match="max repeated"):
        settings(parts=("max", "max"))
    with pytest.raises(ContractError, match="a CSV of proteins"):
        cnn.load(short, tmp_path)
