"""Predictions against votes, with numbers worked out by hand. M images, K classes, R replicates."""

from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.evaluation.votes import Judged, Votes, credible_share, judge, looks, read_votes, spearman

COUNTS = np.array([[8.0, 2, 0], [5, 5, 0], [0, 1, 9], [10, 0, 0]])
VOTES = Votes.of(COUNTS, 0.2)


def point(prob: list[list[float]]) -> np.ndarray:
    return np.array(prob, np.float32)[None]


def test_shares_entropies_and_minorities_are_those_of_the_counts() -> None:
    np.testing.assert_allclose(VOTES.share[0], [0.8, 0.2, 0])
    np.testing.assert_allclose(VOTES.entropy[[1, 3]], [np.log(2), 0], atol=1e-12)
    # Of a tie the first class is the majority; one vote in ten is below the share of a minority.
    assert VOTES.minority.tolist() == [[False, True, False], [False, True, False], [False] * 3, [False] * 3]


def test_the_votes_predict_themselves_best() -> None:
    exact = judge(VOTES.share[None].astype(np.float32), VOTES, 0.9)
    every = np.arange(4)
    assert exact.score("cross_entropy", every) == pytest.approx(VOTES.entropy.mean(), abs=1e-6)
    assert exact.score("kl", every) == pytest.approx(0, abs=1e-6)
    assert exact.score("squared_error", every) == pytest.approx(0, abs=1e-12)
    assert exact.score("corr_total_entropy", every) == pytest.approx(1)
    assert exact.score("shared_choice", every) == pytest.approx((0.8 + 0.5 + 0.9 + 1) / 4)


def test_scores_of_a_known_prediction() -> None:
    found = judge(point([[0.5, 0.25, 0.25]] * 4), VOTES, 0.7)
    first = -(0.8 * np.log(0.5) + 0.2 * np.log(0.25))
    assert found.values["cross_entropy"][0] == pytest.approx(first, rel=1e-6)
    assert found.values["squared_error"][0] == pytest.approx((0.3**2 + 0.05**2 + 0.25**2) / 3, rel=1e-5)
    assert np.isnan(found.score("corr_total_entropy", np.arange(4)))  # equally uncertain everywhere
    assert np.isnan(found.score("corr_epistemic_entropy", np.arange(4)))  # a point prediction has none


def test_credible_sets_of_points_hold_the_level_and_draws_count_by_their_share() -> None:
    assert credible_share(point([[0.6, 0.3, 0.1]]), 0.6).tolist() == [[1, 0, 0]]
    assert credible_share(point([[0.6, 0.3, 0.1]]), 0.61).tolist() == [[1, 1, 0]]
    assert credible_share(point([[0.6, 0.3, 0.1]]), 0.95).tolist() == [[1, 1, 1]]
    draws = np.array([[[0.9, 0.1]], [[0.5, 0.5]]], np.float32)
    # Steps: .9, then .5 and .5: (.9 + .5 + .5) / 2 = .95 is the first to reach .9.
    assert credible_share(draws, 0.9).tolist() == [[1, 0.5]]


def test_minorities_inside_are_counted_over_minority_choices() -> None:
    sure, vague = point([[0.97, 0.02, 0.01]] * 4), point([[0.4, 0.35, 0.25]] * 4)
    assert judge(sure, VOTES, 0.9).score("minority_inside", np.arange(4)) == 0
    assert judge(vague, VOTES, 0.9).score("minority_inside", np.arange(4)) == 1
    assert judge(vague, VOTES, 0.9).score("set_size", np.arange(4)) == 3
    assert np.isnan(judge(vague, VOTES, 0.9).score("minority_inside", np.array([2, 3])))  # no minority there


def test_rank_correlation_is_scipys() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 60).astype(float), rng.normal(size=60)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(spearman(np.ones(5), b[:5]))


def judged(values: np.ndarray) -> Judged:
    return Judged({"kl": values}, {}, np.zeros(len(values)))


def test_the_interval_of_one_replicate_is_that_of_the_mean_over_images() -> None:
    values = np.random.default_rng(1).normal(size=2_000)
    mean, low, high = looks({None: judged(values)}, "kl").estimate()
    assert mean == pytest.approx(values.mean())
    # 20 groups: Student's t with 19 degrees of freedom, whose variance is itself an estimate.
    assert (high - low) / 2 == pytest.approx(2.093 * values.std() / np.sqrt(2_000), rel=0.45)


def test_seeds_widen_the_interval_and_pairs_narrow_it() -> None:
    rng = np.random.default_rng(2)
    image, shift = rng.normal(size=1_000), np.array([0.0, 0.1, -0.1, 0.05])
    own = looks({r: judged(image + s) for r, s in enumerate(shift)}, "kl")
    other = looks({r: judged(image + s + 0.2) for r, s in enumerate(shift)}, "kl")
    alone = looks({0: judged(image)}, "kl").estimate()
    _, low, high = own.estimate()
    assert high - low > alone[2] - alone[1]
    mean, low, high = (other - own).estimate()
    assert mean == pytest.approx(0.2) and high - low < 1e-9  # the same images and seeds: nothing is left but the shift


def test_differences_are_taken_over_replicates_that_both_have() -> None:
    image = np.random.default_rng(3).normal(size=100)
    some = looks({r: judged(image + r) for r in (0, 2)}, "kl")
    other = looks({r: judged(image + 10 * r) for r in (1, 2)}, "kl")
    assert (some - other).replicates == (2,) and (some - other).estimate()[0] == pytest.approx(2 - 20)
    teacher = looks({None: judged(image)}, "kl")
    assert (teacher - other).replicates == (1, 2) and (teacher - other).estimate()[0] == pytest.approx(-15)
    nothing = looks({0: judged(image)}, "kl") - looks({1: judged(image)}, "kl")
    assert np.isnan(nothing.estimate()).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array([[1.5, 0]]), "integers"),
        (np.array([1, 2]), "images by classes"),
        (np.array([[3, -1]]), "negative count or no vote"),
        (np.array([[0, 0], [1, 0]]), "1 images with"),
        (np.array([{"a": 1}], dtype=object), "values of type object, not numbers"),
    ],
    ids=["shares", "no classes", "negative", "nobody", "pickle"],
)
def test_a_file_that_holds_no_votes_is_refused(tmp_path: Path, content: np.ndarray, message: str) -> None:
    np.save(tmp_path / "votes.npy", content, allow_pickle=True)
    with pytest.raises(ContractError, match=message):
        read_votes(tmp_path / "votes.npy")


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"votes\.npy"):
        read_votes(tmp_path / "votes.npy")
    np.save(tmp_path / "votes.npy", np.ones((10, 3)))
    whole = (tmp_path / "votes.npy").read_bytes()
    (tmp_path / "votes.npy").write_bytes(whole[:-20])
    with pytest.raises(ContractError, match="damaged"):
        read_votes(tmp_path / "votes.npy")


def test_the_votes_of_cifar10h_are_read(mirror: Path) -> None:
    """Some 50 people judged each of the 10,000 test images (Peterson et al. 2019), and on most images all but agree."""
    counts = read_votes(mirror / "cifar10h" / "cifar10h-counts.npy")
    assert counts.shape == (10_000, 10) and 45 < counts.sum(1).mean() < 60
    votes = Votes.of(counts, 0.1)
    assert 0.1 < votes.entropy.mean() < 0.3 and 0.93 < votes.share.max(1).mean() < 0.97
    assert not (votes.minority & (votes.share == votes.share.max(1, keepdims=True)) & (votes.share > 0.5)).any()
