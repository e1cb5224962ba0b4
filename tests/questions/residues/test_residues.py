"""Next-residue distillation: what models may see, what the weightings do, what the pools guarantee."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.inference.optimise import Training
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.residues import question as residues
from mtbkd.questions.residues import section as report
from mtbkd.questions.residues.corpus import (
    COLUMNS,
    PARTITIONS,
    UNKNOWN,
    Sequences,
    draw_sequences,
    random_transitions,
    read_deeploc2,
)
from mtbkd.questions.residues.limits import designated, excess, hold_below
from mtbkd.questions.residues.positions import SIZE, positions
from mtbkd.questions.residues.spec import DEEPLOC2, KINGDOMS, Settings, kingdom_counts
from mtbkd.questions.residues.weighting import POOLS, WEIGHTINGS, Knowledge, own_probability, pool_by
from tests.questions.drawn import asked, checked

SMALL = {"teacher_sequences": 40, "student_sequences": 12, "val_sequences": 10, "test_sequences": 20, "length": 30, "window": 2,
         "teacher_hidden": (16,), "student_hidden": (4,), "kingdom_contrast": 1.2}  # fmt: skip


def random_prob(rng: np.random.Generator, *shape: int) -> np.ndarray:
    raw = rng.gamma(0.5, size=(*shape, SIZE)) + 1e-6
    return raw / raw.sum(-1, keepdims=True)


def sequences(*texts: str, kingdom: int = 0) -> Sequences:
    letters = "ACDEFGHIKLMNPQRSTVWY"
    codes = np.array([[letters.find(letter) for letter in text] for text in texts])
    return Sequences(codes, np.full(len(texts), kingdom))


def knowledge(seed: int = 0, per_kingdom: int = 4) -> Knowledge:
    """Random teachers at the residues of random sequences."""
    rng = np.random.default_rng(seed)
    kingdom = np.repeat(np.arange(3), per_kingdom)
    where = positions(Sequences(rng.integers(0, SIZE, (len(kingdom), 9)), kingdom), 2)
    score = np.log(np.array([[0.2, 0.1, 0.1], [0.1, 0.3, 0.1], [0.1, 0.1, 0.4]]))
    return Knowledge(where, random_prob(rng, len(where.y), 3), score, random_prob(rng, 3), 10.0, 10.0)


def test_nothing_at_or_after_a_residue_takes_part_in_its_prediction() -> None:
    one, other = (positions(sequences(text), 3) for text in ("ACDEFGHIK", "ACDEFYWVT"))
    np.testing.assert_array_equal(one.x[:6], other.x[:6])
    assert (one.x[6] != other.x[6]).any()


def test_the_window_holds_the_residues_before_the_nearest_first() -> None:
    found = positions(sequences("ACD"), 2)
    windows = found.x[:, : 2 * SIZE].reshape(3, 2, SIZE)
    assert windows[0].sum() == 0
    assert [row.argmax() for row in windows[2]] == [1, 0] and windows[2].sum() == 2
    np.testing.assert_array_equal(found.counts.sum(1), [0, 1, 2])


def test_unknown_residues_are_neither_predicted_nor_seen() -> None:
    found = positions(sequences("AXC", "C??"), 1)
    assert found.y.tolist() == [0, 1, 1] and found.sequence.tolist() == [0, 0, 1]
    assert found.x[1, :SIZE].sum() == 0 and found.counts[1].tolist() == [1] + [0] * 19


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_weights_are_a_point_of_the_simplex_over_teachers(name: str) -> None:
    weights = WEIGHTINGS[name](knowledge())
    assert weights.shape == (108, 3) and (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-12)


def test_the_product_is_the_normalised_product_of_its_three_scales() -> None:
    known = knowledge()
    raw = WEIGHTINGS["token"](known) * WEIGHTINGS["task"](known) * WEIGHTINGS["context"](known)
    np.testing.assert_allclose(WEIGHTINGS["product"](known), raw / raw.sum(1, keepdims=True), atol=1e-12)


def test_task_weights_are_the_posterior_after_so_many_residues() -> None:
    """Ten residues, predicted with .4 against .1 each: odds of 4^10."""
    known = knowledge()
    weights = WEIGHTINGS["task"](known)[known.where.kingdom == 2]
    np.testing.assert_allclose(weights[:, 2] / weights[:, 0], 4.0**10, rtol=1e-9)


def test_context_weights_follow_the_teacher_of_the_nearest_composition() -> None:
    known = knowledge()
    compositions = np.full((3, SIZE), 0.01)
    compositions[[0, 1, 2], [0, 1, 2]] = 1 - 0.19
    like_second = Sequences(np.full((1, 60), 1), np.array([0]))
    where = positions(like_second, 1)
    prob = random_prob(np.random.default_rng(0), len(where.y), 3)
    weights = WEIGHTINGS["context"](Knowledge(where, prob, known.task_score, compositions, 10.0, 10.0))
    np.testing.assert_allclose(weights[0], 1 / 3, atol=1e-12)
    assert (weights[1:].argmax(1) == 1).all() and (np.diff(weights[:, 1]) > 0).all()


@given(seed=st.integers(0, 10**6))
def test_evidence_weights_cost_a_sequence_at_most_log2_g_bits_more_than_its_best_teacher(seed: int) -> None:
    known = knowledge(seed)
    weights = WEIGHTINGS["evidence"](known)
    pooled = pool_by(POOLS["linear"], known.prob, weights)
    ours = -np.log2(own_probability(pooled, known.where.y))
    theirs = -np.log2(own_probability(known.prob, known.where.y))
    for sequence in np.unique(known.where.sequence):
        own = known.where.sequence == sequence
        np.testing.assert_allclose(weights[own][0], 1 / 3, atol=1e-9)
        assert ours[own].sum() <= theirs[own].sum(0).min() + np.log2(3) + 1e-9


@given(seed=st.integers(0, 10**6), letters=st.sets(st.sampled_from("ACDEFGHIKLMNPQRSTVWY"), min_size=1, max_size=19))
def test_the_linear_pool_never_exceeds_the_largest_teacher(seed: int, letters: set[str]) -> None:
    known, inside = knowledge(seed, 1), designated("".join(letters))
    for weigh in WEIGHTINGS.values():
        assert excess(pool_by(POOLS["linear"], known.prob, weigh(known)), known.prob, inside).above_largest == 0


def test_the_logarithmic_pool_breaks_the_guarantee_where_teachers_disagree_on_the_rest() -> None:
    """Both give cysteine .2, each the rest to a residue that the other gives next to nothing: the pool gives it nearly all."""
    tiny = 1e-6
    prob = np.full((1, 2, SIZE), tiny)
    prob[0, :, 1] = 0.2
    prob[0, 0, 0] = prob[0, 1, 2] = 1 - 0.2 - 18 * tiny
    weights = np.full((1, 2), 0.5)
    found = excess(pool_by(POOLS["log"], prob, weights), prob, designated("C"))
    assert found.above_largest == 1 and found.worst_ratio > 4.9
    assert excess(pool_by(POOLS["linear"], prob, weights), prob, designated("C")).above_largest == 0


@given(seed=st.integers(0, 10**6))
def test_the_held_pool_is_the_nearest_below_the_limit(seed: int) -> None:
    rng, inside = np.random.default_rng(seed), designated("CW")
    pooled = random_prob(rng, 5)
    limit = rng.uniform(0.01, 0.5, 5)
    held = hold_below(pooled, limit, inside)
    np.testing.assert_allclose(held.sum(1), 1, atol=1e-12)
    assert (held[:, inside].sum(1) <= limit + 1e-12).all()
    free = pooled[:, inside].sum(1) <= limit
    np.testing.assert_allclose(held[free], pooled[free], atol=1e-12)
    others = random_prob(rng, 5)
    rival = hold_below(others, limit, inside)
    assert ((held * np.log(held / pooled)).sum(1) <= (rival * np.log(rival / pooled)).sum(1) + 1e-12).all()


def test_kingdoms_differ_more_the_larger_their_contrast_and_not_at_all_without_one() -> None:
    def gap(contrast: float) -> float:
        found = random_transitions(contrast, np.random.default_rng(1))
        return float(np.abs(found[0] - found[1]).max())

    assert gap(0) == 0 < gap(0.3) < gap(1)


def test_sequences_depend_on_seed_and_replicate_alone() -> None:
    settings = Settings.model_validate(SMALL)
    one, again, other = (draw_sequences(settings, 1, replicate)["test"].codes for replicate in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any() and one.shape == (60, 30)


def test_the_training_mix_is_kept_to_the_sequence() -> None:
    assert kingdom_counts(90, (0.1, 0.7, 0.2)) == (9, 63, 18)
    assert sum(kingdom_counts(7, (1 / 3, 1 / 3, 1 / 3))) == 7


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"train_mix": (0.5, 0.2, 0.2)}, "sum to 1, not to 0.9"),
        ({"residue_set": "CZ"}, "letters ACDEFGHIKLMNPQRSTVWY"),
        ({"residue_set": "ACDEFGHIKLMNPQRSTVWY"}, "some, not all"),
        ({"student_sequences": 2}, "one of each kingdom"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings.model_validate(settings)


@pytest.fixture(scope="module")
def tables() -> dict:
    inputs = Inputs.in_memory(
        name="residues", seed=3, replicates=3, device="cpu", posterior={"lambda": (4.0,), "prior_scale": (0.5,)},
        training=Training.model_validate({"steps": 150, "learning_rate": 0.02}),
    )  # fmt: skip
    return residues.run(inputs, Settings.model_validate(SMALL))


def test_each_teacher_is_best_in_its_kingdom_and_the_truth_best_of_all(tables: dict) -> None:
    bits = tables["bits"].groupby(["kind", "weighting", "domain"])["bits"].mean()
    for kingdom in KINGDOMS:
        own = bits["teacher"][:, kingdom]
        assert own.idxmin() == kingdom and bits["truth", "truth", kingdom] < own.min()


def test_task_weights_beat_equal_ones_and_teachers_beat_none(tables: dict) -> None:
    rows = tables["comparisons"].set_index(["kind", "weighting", "pool", "domain", "against"])["difference"]
    assert rows["pool", "task", "linear", "training mix", "equal, linear"] < -0.05
    assert rows["student", "task", "linear", "training mix", "no teachers"] < -0.05


def test_a_mix_weighs_the_kingdoms_by_its_shares(tables: dict) -> None:
    bits = tables["bits"]
    own = bits[(bits["kind"] == "pool") & (bits["weighting"] == "task") & (bits["pool"] == "log") & (bits["replicate"] == 1)]
    values = own.set_index("domain")["bits"]
    assert values["shifted mix"] == pytest.approx(np.dot(Settings.model_validate({}).test_mix, values[list(KINGDOMS)]))


def test_the_report_and_the_figures_show_it(tables: dict, tmp_path: Path) -> None:
    settings = Settings.model_validate(SMALL).model_dump(mode="json")
    section = report.section("residues", tables, settings)
    assert any("0 of 14" in sentence or "as it must" in sentence for sentence in section.told)
    names = [table.name for table in (*section.tables, *section.details)]
    assert len(set(names)) == len(names) and all(name.startswith("residues-") for name in names)
    assert all(len(row.cells) == len(table.columns) for table in (*section.tables, *section.details) for row in table.rows)
    assert set(checked(asked("residues", tables, tmp_path, settings))) == {"residue_bits", "residue_safety"}


def write(path: Path, rows: list[dict[str, str]], columns: tuple[str, ...] = COLUMNS) -> Path:
    with gzip.open(path, "wt", newline="") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


ROW = {"ACC": "P1", "Kingdom": "Fungi", "Partition": "0", "Sequence": "MKVX"}


def test_proteins_of_other_kingdoms_are_left_out_and_unknown_residues_kept_as_such(tmp_path: Path) -> None:
    found = read_deeploc2(write(tmp_path / "x.csv.gz", [ROW, {**ROW, "ACC": "P2", "Kingdom": "Other"}]))
    assert len(found) == 1 and found[0].codes.tolist() == [10, 8, 17, UNKNOWN]


@pytest.mark.parametrize(
    ("change", "told"),
    [({"Sequence": "MK1"}, "sequence of P1"), ({"Partition": "9"}, "Partition of P1.*'9'"), ({"Sequence": ""}, "empty")],
)
def test_a_broken_protein_is_named(tmp_path: Path, change: dict[str, str], told: str) -> None:
    with pytest.raises(ContractError, match=told):
        read_deeploc2(write(tmp_path / "x.csv.gz", [{**ROW, **change}]))


def test_a_file_that_is_none_of_these_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no Partition"):
        read_deeploc2(
            write(tmp_path / "x.csv.gz", [{"ACC": "P1", "Kingdom": "Fungi", "Sequence": "MK"}], ("ACC", "Kingdom", "Sequence"))
        )
    with pytest.raises(ContractError, match="the rule download"):
        read_deeploc2(tmp_path / "none.csv.gz")
    (tmp_path / "text.csv.gz").write_text("no gzip")
    with pytest.raises(ContractError, match="gzip"):
        read_deeploc2(tmp_path / "text.csv.gz")


def test_too_few_proteins_are_told_with_what_there_is(tmp_path: Path) -> None:
    chains = read_deeploc2(write(tmp_path / "x.csv.gz", [ROW]))
    with pytest.raises(ContractError, match="teacher_sequences: found 300; expected at most 1"):
        draw_sequences(Settings.model_validate({"source": "deeploc2"}), 1, 0, chains)


def test_real_sequences_come_from_partitions_that_are_kept_apart(mirror: Path) -> None:
    chains = read_deeploc2(mirror / DEEPLOC2)
    assert (
        not set(PARTITIONS["teacher"]) & set(PARTITIONS["test"]) and len({p for own in PARTITIONS.values() for p in own}) == 5
    )
    settings = Settings.model_validate({**SMALL, "source": "deeploc2"})
    found = draw_sequences(settings, 1, 0, chains)
    test = {bytes(chain.codes) for chain in chains if chain.partition in PARTITIONS["test"]}
    for role, each in found.items():
        stretches = [bytes(row[row != UNKNOWN]) for row in each.codes[:5]]
        inside = [any(stretch in chain for chain in test) for stretch in stretches]
        assert all(inside) if role == "test" else not any(inside)
