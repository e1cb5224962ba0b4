"""The tables of a tiny experiment, from files written with the real artefact classes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Logits, ids_digest
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation import metrics, scoring
from mtbkd.evaluation.tables import COLUMNS
from tests.evaluation.examples import EVALUATED, LEVELS, MAP, SPLIT, TIP, K, N, make_dataset, make_draws, run


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Two blocks of two replicates; chain 0 of replicate 0 and all chains of replicate 3 diverged for tip."""
    folder = tmp_path_factory.mktemp("simulated")
    blocks = {"r0-1": [0, 1], "r2-3": [2, 3]}
    datasets = {block: make_dataset(2, seed) for seed, block in enumerate(blocks)}
    data, logits = {}, {"good": {}, "bad": {}}
    for block, dataset in datasets.items():
        dataset.write(data.setdefault(block, folder / "data" / block))
        rng = np.random.default_rng(3)
        for teacher, scale in (("good", 2.0), ("bad", 0.0)):
            covered = np.ones(N, bool) if teacher == "bad" else SPLIT != "ood:far"
            values = (scale * dataset.x + 0.3 * rng.normal(size=dataset.x.shape)) * covered[:, None]
            path = logits[teacher].setdefault(block, folder / teacher / block)
            Logits(teacher, values.astype(np.float32), covered, ids_digest(dataset.ids)).write(path)
    lost = {"r0-1": [(0, 0)], "r2-3": [(1, slice(None))]}
    methods = {
        "tip_sgld": {b: make_draws(datasets[b], r, 0.3, TIP, diverged=lost[b]) for b, r in blocks.items()},
        "labels_map": {b: make_draws(datasets[b], r, 1.0, MAP, shape=(1, 1)) for b, r in blocks.items()},
    }
    return run(folder, methods, data, logits), datasets, methods


def pick(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def test_tables_have_their_documented_columns(simulated):
    tables = simulated[0]
    assert set(tables) == set(COLUMNS)
    for name, table in tables.items():
        if name != "tuning":
            assert list(table) == COLUMNS[name]
        assert set(table["study"]) == (set() if name in ("agreement", "example_scores", "chain_weights") else {"smoke"})
        # no exact sampler there, no examples that replicates share, no chains stacked
    assert list(tables["tuning"]) == [
        "study",
        "experiment",
        "method",
        "replicate",
        "responsibility_sharpness",
        "lambda",
        "val_nll",
        "val_accuracy",
        "log_evidence",
        "log_evidence_se",
        "evidence_weight",
        "chosen",
    ]
    assert not tables["metrics"].duplicated(["method", "replicate", "split", "domain", "metric"]).any()


def test_random_splits_of_one_table_are_compared_with_their_overlap(simulated, tmp_path):
    _, datasets, methods = simulated
    assert set(simulated[0]["comparisons"]["overlap"]) == {0}
    resplit = replace(datasets["r0-1"], card={"resampled": True})
    resplit.write(tmp_path / "data")
    found = run(tmp_path, {m: {"r0-1": own["r0-1"]} for m, own in methods.items()}, {"r0-1": tmp_path / "data"}, {})
    assert set(found["comparisons"]["overlap"]) == {60 / 80}


def test_scores_are_those_of_the_replicates_own_examples(simulated):
    tables, datasets, methods = simulated
    rows = pick(tables["metrics"], method="labels_map", split="test", metric="nll")
    for replicate, (block, index) in enumerate([("r0-1", 0), ("r0-1", 1), ("r2-3", 0), ("r2-3", 1)]):
        prob, y = methods["labels_map"][block].prob[index, 0, 0, :60], datasets[block].y[index, 60:120]
        domain = datasets[block].domain[index, 60:120]
        for name, mask in (("all", domain >= 0), ("left", domain == 0), ("right", domain == 1)):
            row = pick(rows, replicate=replicate, domain=name).iloc[0]
            expected = metrics.nll(prob[mask].astype(float), y[mask])
            assert (row["value"], row["se"], row["n"]) == pytest.approx(tuple(expected))


def test_a_diverged_chain_is_left_out(simulated):
    tables, _, methods = simulated
    row = pick(tables["metrics"], method="tip_sgld", replicate=0, split="test", domain="all", metric="mean_deviance").iloc[0]
    prob = methods["tip_sgld"]["r0-1"].prob[0, 1:, :, :60].astype(float)
    assert row["value"] == pytest.approx(-2 * (prob * np.log(prob)).sum(-1).mean(), rel=1e-5)


def test_a_lost_replicate_keeps_its_rows_without_values(simulated):
    metrics_table = pick(simulated[0]["metrics"], method="tip_sgld")
    lost, kept = pick(metrics_table, replicate=3), pick(metrics_table, replicate=2)
    assert lost["value"].isna().all() and lost["se"].isna().all()
    assert kept["value"].notna().all()
    key = ["split", "metric"]
    assert {*map(tuple, lost[key].to_numpy())} == {*map(tuple, kept[key].to_numpy())}
    assert 3 not in set(pick(simulated[0]["examples"], method="tip_sgld")["replicate"])
    gate = pick(simulated[0]["gates"], method="tip_sgld", replicate=3, gate="calibration").iloc[0]
    assert (gate["verdict"], gate["note"]) == ("failed", "every chain diverged")


def test_what_needs_several_draws_or_labels_has_no_rows_without_them(simulated):
    table = simulated[0]["metrics"]
    point = set(pick(table, method="labels_map", split="test")["metric"])
    several = set(pick(table, method="tip_sgld", split="test")["metric"])
    only_draws = {"entropy_expected", "entropy_epistemic", "accuracy_kde_mode", "mse_prob_kde_mode"}
    names = ("coverage", "coverage_self", "coverage_gap", "coverage_nearest")
    only_draws |= {f"{name}@{level}" for level in LEVELS for name in names}
    assert several - point == only_draws and not point - several
    outside = set(pick(table, method="tip_sgld", split="ood:far")["metric"])
    assert "ood_auroc" in outside and not outside & {"accuracy", "nll", "ece", "coverage@0.9"}


def test_gap_is_coverage_minus_its_expectation(simulated):
    place = {"method": "tip_sgld", "replicate": 0, "split": "test", "domain": "all"}
    rows = pick(simulated[0]["metrics"], **place).set_index("metric")["value"]
    assert rows["coverage_gap@0.9"] == pytest.approx(rows["coverage@0.9"] - rows["coverage_self@0.9"])
    curve = pick(simulated[0]["curves"], **place).set_index("level")
    assert curve.loc[0.9, "coverage"] == pytest.approx(rows["coverage@0.9"])
    assert curve.index.min() == 0.5 and curve.index.max() == 0.99 and curve.index.is_monotonic_increasing


def test_coverage_by_size_ends_with_the_coverage_of_all_test_examples(simulated):
    tables = simulated[0]
    table = pick(tables["coverage_size"], method="tip_sgld", replicate=0)
    assert table["size"].tolist() == [60, 60] and table["subsets"].tolist() == [1, 1] and table["level"].tolist() == LEVELS
    curve = pick(tables["curves"], method="tip_sgld", replicate=0, split="test", domain="all").set_index("level").loc[LEVELS]
    for column in ("coverage", "coverage_se", "coverage_self", "gap", "gap_se"):
        assert table[column].to_numpy() == pytest.approx(curve[column].to_numpy())
    assert (table["coverage_low"] == table["coverage"]).all()
    assert pick(tables["coverage_size"], method="labels_map").empty  # a point estimate has no interval
    assert 3 not in set(pick(tables["coverage_size"], method="tip_sgld")["replicate"])  # every chain diverged


def test_vague_draws_far_away_are_recognised(simulated):
    rows = pick(simulated[0]["metrics"], split="ood:far", metric="ood_auroc", domain="all").set_index(["method", "replicate"])
    assert rows.loc[("tip_sgld", 0), "value"] > 0.9


def test_teachers_are_scored_on_the_splits_they_cover(simulated):
    tables, datasets, _ = simulated
    teachers = pick(tables["metrics"], kind="teacher")
    assert set(teachers["method"]) == {"good", "bad", "teachers:best", "teachers:mean"}
    covers_far = set(pick(teachers, split="ood:far")["method"])
    assert covers_far == {"bad"}
    accuracy = pick(teachers, split="test", domain="all", metric="accuracy").set_index(["method", "replicate"])["value"]
    assert accuracy.loc["teachers:best"].equals(accuracy.loc["good"])
    assert accuracy.loc["good"].mean() > accuracy.loc["bad"].mean() + 0.2
    assert set(teachers["replicate"]) == {0, 1, 2, 3}
    bayes = pick(tables["metrics"], kind="ceiling", split="test", domain="all", replicate=0).set_index("metric")["value"]
    assert bayes["accuracy_true_prob"] == pytest.approx(datasets["r0-1"].true_prob[0, 60:120].max(-1).mean())
    assert not {"mse_prob", "mae_prob"} & set(bayes.index)


def test_gates_hold_the_fits_verdicts_and_the_calibration(simulated):
    gates = simulated[0]["gates"]
    assert pick(gates, method="labels_map", gate="calibration")["verdict"].tolist() == ["not applicable"] * 4
    assert pick(gates, method="tip_sgld", gate="rhat", replicate=0)["note"].item().startswith("too few draws to tell")
    diverged = pick(gates, method="tip_sgld", gate="diverged").set_index("replicate")
    assert diverged["verdict"].tolist() == ["failed", "passed", "passed", "failed"]
    calibration = pick(gates, method="tip_sgld", gate="calibration", replicate=1).iloc[0]
    assert calibration["stage"] == "evaluation" and calibration["threshold"] > 2.5


def test_examples_can_be_traced_to_the_data(simulated):
    tables, datasets, methods = simulated
    examples = pick(tables["examples"], method="tip_sgld")
    assert set(examples["replicate"]) == {0}
    assert examples["row"].tolist() == EVALUATED.tolist()
    assert examples["id"].tolist() == datasets["r0-1"].ids[EVALUATED].tolist()
    mean = methods["tip_sgld"]["r0-1"].prob[0, 1:].reshape(-1, 80, K).mean(0)  # chain 0 diverged
    assert np.array_equal(examples["prediction"], mean.argmax(-1))
    labelled = examples["y"] >= 0
    assert (examples["correct"][labelled] == (examples["prediction"] == examples["y"])[labelled]).all()
    assert examples["correct"][~labelled].isna().all()
    assert pick(tables["examples"], method="labels_map")["entropy_epistemic"].isna().all()


def test_every_method_is_compared_with_the_plain_student(simulated):
    found = simulated[0]["comparisons"]
    assert set(found["reference"]) == {"labels_map"} and set(found["method"]) == {"tip_sgld"}
    row = pick(found, split="test", domain="all", metric="nll").iloc[0]
    values = pick(simulated[0]["metrics"], split="test", domain="all", metric="nll", kind="student")
    values = values.pivot(index="replicate", columns="method", values="value")
    assert row["difference"] == pytest.approx((values["tip_sgld"] - values["labels_map"]).mean())
    assert (row["n"], row["note"]) == (3, "1 missing; too few replicates")


def test_replicates_of_real_data_share_the_one_data_block(tmp_path):
    dataset = make_dataset(1, 0)
    dataset.write(tmp_path / "data")
    methods = {"tip_sgld": {"r0-2": make_draws(dataset, [0, 1, 2], 0.3, TIP)}}
    tables = run(tmp_path, methods, {"r0-0": tmp_path / "data"}, {})
    students = pick(tables["metrics"], kind="student")
    assert set(students["replicate"]) == {0, 1, 2}
    assert set(pick(tables["metrics"], kind="ceiling")["replicate"]) == {0}
    assert tables["comparisons"].empty


def test_real_data_give_the_error_of_the_test_examples_beside_that_of_the_seeds(tmp_path):
    """An example's score is averaged over the replicates that share it; then the standard error is over examples."""
    dataset = make_dataset(1, 0)
    dataset.write(tmp_path / "data")
    tip, plain = make_draws(dataset, [0, 1, 2], 0.3, TIP), make_draws(dataset, [0, 1, 2], 1.0, MAP, shape=(1, 1))
    tables = run(tmp_path, {"tip_sgld": {"r0-2": tip}, "labels_map": {"r0-2": plain}}, {"r0-0": tmp_path / "data"}, {})
    y = dataset.y[0, 60:120]
    loss = {
        name: -np.log(draws.prob.astype(np.float64).mean((1, 2))[:, :60][:, np.arange(60), y]).mean(0)
        for name, draws in (("tip_sgld", tip), ("labels_map", plain))
    }
    place = {"split": "test", "domain": "all", "metric": "nll"}
    for name, each in loss.items():
        found = pick(tables["metrics"], method=name, **place)["se_examples"]
        assert found.tolist() == pytest.approx([each.std(ddof=1) / np.sqrt(60)] * 3)
        stored = pick(tables["example_scores"], method=name, split="test")
        assert stored["row"].tolist() == list(range(60, 120))
        np.testing.assert_allclose(stored["nll"], each)
    gap = loss["tip_sgld"] - loss["labels_map"]
    compared = pick(tables["comparisons"], **place).iloc[0]
    assert compared["difference"] == pytest.approx(gap.mean())
    assert compared["se_examples"] == pytest.approx(gap.std(ddof=1) / np.sqrt(60))
    left = pick(tables["comparisons"], split="test", domain="left", metric="nll").iloc[0]
    assert left["se_examples"] == pytest.approx(gap[dataset.domain[0, 60:120] == 0].std(ddof=1) / np.sqrt(left_count(dataset)))


def left_count(dataset):
    return (dataset.domain[0, 60:120] == 0).sum()


def test_replicates_with_data_of_their_own_have_no_common_error_of_examples(simulated):
    tables = simulated[0]
    assert tables["metrics"]["se_examples"].isna().all() and tables["comparisons"]["se_examples"].isna().all()
    assert tables["example_scores"].empty


def test_what_examples_add_has_the_scores_as_its_means():
    dataset = make_dataset(1, 0)
    draws = make_draws(dataset, [0], 0.3, TIP)
    examples = scoring.Examples.of(dataset, 0).take(EVALUATED)
    scored = scoring.score(draws.prob[0].reshape(-1, 80, K), examples, LEVELS)
    added = scoring.contributions(scored, LEVELS)
    rows = [row for row in scoring.metric_rows(scored, LEVELS) if (row["split"], row["domain"]) == ("test", "all")]
    assert {row["metric"] for row in rows} - set(added) == {"ece", "aurc"}
    for row in rows:
        if row["metric"] in added:
            assert row["value"] == pytest.approx(added[row["metric"]][:60].mean())


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    dataset = make_dataset(2, 0)
    dataset.write(tmp_path / "data")
    data = {"r0-1": tmp_path / "data"}
    with pytest.raises(ContractError, match=r"replicates: found 5; expected one of the data's: 0\.\.1"):
        run(tmp_path, {"tip": {"r4-5": make_draws(dataset, [5, 6], 0.3, TIP)}}, data, {})
    with pytest.raises(ContractError, match="teacher good: blocks: found r2-3; expected r0-1"):
        run(tmp_path, {}, data, {"good": {"r2-3": tmp_path}})
    with pytest.raises(ContractError, match="data: block: found 'first'"):
        run(tmp_path, {}, {"first": tmp_path / "data"}, {})
    draws = make_draws(dataset, [0, 1], 0.3, TIP)
    shifted = Draws(**{**vars(draws), "example_index": EVALUATED - 10})
    with pytest.raises(ContractError, match="example_index: found 10 rows outside test and ood"):
        run(tmp_path, {"tip": {"r0-1": shifted}}, data, {})
    assert not (tmp_path / "out").exists()


def test_gate_rows_survive_the_draws_file(tmp_path):
    draws = make_draws(make_dataset(2, 0), [0, 1], 0.3, TIP, diverged=[(0, 0)])
    draws.write(tmp_path / "a.nc")
    read = Draws.read(tmp_path / "a.nc")
    assert read.gates == json.loads(json.dumps(draws.gates, allow_nan=False))
    assert read.verdicts()["diverged"] is False and read.verdicts()["ebfmi"] is None
