"""Predictions on FASTA files: what they are, in which order, and in how much memory."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.data.encoders import Embedder
from mtbkd.serving.predicting import Prediction, Protein, check_fasta, predict, proteins, summarised
from tests.serving.examples import ENCODERS, bundle, chains, fasta, make_dataset


def predicted(path: Path, batch: int = 7, threshold: float = 0.5) -> list[Prediction]:
    checked = check_fasta(path, bundle(), skip_invalid=True)
    return list(predict(bundle(), proteins(path, checked), Embedder(ENCODERS, Path()), threshold, 0.9, batch, "cpu"))


def test_predictions_are_those_of_the_dataset_in_the_order_of_the_file(tmp_path: Path):
    found, _ = chains(210, seed=1)
    at = make_dataset().rows("test")[::-1]
    result = predicted(fasta(tmp_path, [found[i] for i in at]))
    prob = bundle().draw_probs(make_dataset().x[0, at])
    assert [each.id for each in result] == [f"Q{i}" for i in range(len(at))]
    np.testing.assert_allclose([each.prob for each in result], prob.mean(0), atol=1e-5)
    np.testing.assert_allclose([each.low for each in result], np.quantile(prob, 0.05, axis=0), atol=1e-5)
    np.testing.assert_allclose([each.high for each in result], np.quantile(prob, 0.95, axis=0), atol=1e-5)


def test_predictions_do_not_depend_on_the_batch(tmp_path: Path):
    path = fasta(tmp_path, chains(20, seed=2)[0])
    for one, other in zip(predicted(path, batch=1), predicted(path, batch=100), strict=True):
        np.testing.assert_allclose(one.prob, other.prob, atol=1e-5)


def test_uncertainty_of_two_draws_that_disagree_is_epistemic():
    prob = np.array([[[1, 0], [0.5, 0.5]], [[0, 1], [0.5, 0.5]]], np.float32)
    disagree, undecided = summarised([Protein("a", "MK"), Protein("b", "MK")], prob, 0.6, 0.9)
    assert disagree.epistemic_share == pytest.approx(1) and disagree.mean_deviance == pytest.approx(0, abs=1e-6)
    assert undecided.epistemic_share == pytest.approx(0) and undecided.mean_deviance == pytest.approx(2 * np.log(2))
    assert disagree.abstain and undecided.abstain
    assert not next(summarised([Protein("a", "MK")], prob[:1], 0.6, 0.9)).abstain


def test_a_point_estimate_has_no_intervals(tmp_path: Path):
    embedder = Embedder(ENCODERS, Path())
    each = next(predict(bundle("map"), [Protein("a", "MKLV")], embedder, 0.5, 0.9, 5, "cpu"))
    assert each.low is each.high is each.epistemic_share is None and each.prob.sum() == pytest.approx(1)


def test_a_file_is_checked_before_anything_is_predicted(tmp_path: Path):
    path = fasta(tmp_path, ["MKlv", "MK*LV", "ACGT" * 6, "MK-L*", "", "MK1"])
    with pytest.raises(ContractError, match=r"4 of 6 records: found Q1: found '\*' at residue 3; Q2.*and 1 more") as caught:
        check_fasta(path, bundle())
    assert "--skip-invalid" in str(caught.value)
    checked = check_fasta(path, bundle(), skip_invalid=True)
    assert (checked.proteins, checked.residues, len(checked.refused)) == (2, 7, 4)
    told = "\n".join(checked.told())
    assert "repaired, gaps taken out: 1" in told and "left out: Q4: found an empty sequence" in told
    assert [each.id for each in predicted(path)] == ["Q0", "Q3"]
    with pytest.raises(ContractError, match="2 of 2 records"):
        check_fasta(fasta(tmp_path, ["", "M*K"]), bundle(), skip_invalid=True)


def test_a_student_of_other_numbers_is_refused(tmp_path: Path):
    card = bundle().card
    plain = card.model_copy(update={"inputs": card.inputs.model_copy(update={"encoders": {}})})
    with pytest.raises(ContractError, match="a student that reads protein chains"):
        check_fasta(fasta(tmp_path, ["MKLV"]), replace(bundle(), card=plain))
    short = replace(bundle(), mean=bundle().mean[:-1])
    with pytest.raises(ContractError, match="as the student learnt from"):
        next(predict(short, [Protein("a", "MKLV")], Embedder(ENCODERS, Path()), 0.5, 0.9, 5, "cpu"))


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    def peak(count: int) -> int:
        path = fasta(tmp_path, chains(count, seed=4)[0])
        tracemalloc.start()
        checked = check_fasta(path, bundle())
        for _ in predict(bundle(), proteins(path, checked), Embedder(ENCODERS, Path()), 0.5, 0.9, 50, "cpu"):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)  # what is imported and cached once
    assert peak(600) < 1.2 * peak(150) + 450 * 200  # ids are remembered, to find repeated ones
