"""What a study asks for is known before any job: jobs, memory, and what its replicates can decide."""

import copy
import time
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.stats import wilcoxon

from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import KeyPath
from mtbkd.evaluation.compare import holm
from mtbkd.study import config
from mtbkd.study.checking.experiments import memory_remarks
from mtbkd.study.plan import make_plan

EXAMPLE = """
study: small
datasets: {sim: {kind: sim1, settings: {n_train: 300, n_val: 100, n_test: 150}}}
teachers: {b1: {family: mlp, domain: b1}, b3: {family: mlp, domain: b3}}
students: {mlp: {architecture: mlp, settings: {hidden: [5]}}}
methods:
  labels: {signal: none, inference: map}
  kd: {signal: kd, weights: equal, inference: map}
  sgld: {signal: tip, weights: equal, inference: sgld, settings: {steps: 2000, burn_in: 1000, thin: 10, chains: 4}}
studies:
  small:
    replicates: 4
    experiments: {sim: {dataset: sim, teachers: [b1, b3], student: mlp, methods: [labels, kd, sgld]}}
"""


def changed(changes: dict[KeyPath, Any]) -> dict[str, Any]:
    raw = copy.deepcopy(yaml.safe_load(EXAMPLE))
    for (*parents, last), value in changes.items():
        node = raw
        for key in parents:
            node = node.setdefault(key, {})
        node[last] = value
    return raw


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({("studies", "small", "replicates"): 10**12}, "found 1000000000000; allowed: an integer in 1..10,000"),
        ({("studies", "small", "replicates"): "1e12"}, "studies.small.replicates: found 1000000000000; allowed"),
        (
            {
                ("studies", "small", "replicates"): 10_000,
                ("studies", "small", "block_size"): 1,
                ("studies", "small", "questions"): {
                    f"c{i}": {
                        "kind": "curves",
                        "dataset": "sim",
                        "student": "mlp",
                        "settings": {"teachers": {"a": ["b1", "b3"]}, "methods": ["labels", "kd"]},
                    }
                    for i in range(2)
                },
            },
            "studies.small: found about 120,000 jobs; allowed: at most 100,000. Hint: raise block_size",
        ),
        (
            {("methods", "sgld", "settings"): {"steps": 100_000_000, "burn_in": 0, "thin": 1, "chains": 1000}},
            "methods[2]: found 'sgld', which needs 43,200.0 GB (4 replicates x 100,000,000,000 draws x 27 parameters, 4 bytes",
        ),
        (
            {("posterior",): {key: list(range(1, 101)) for key in ("lambda", "beta", "prior_scale")}},
            "methods[2]: found 'sgld' with 1,000,000 candidates to tune; allowed: at most 10,000",
        ),
        (
            {
                ("datasets", "sim", "settings", "n_test"): 10_000_000,
                ("output", "prediction_draws"): 1_000_000,
                ("methods", "sgld", "settings"): {"steps": 100_000, "burn_in": 0, "thin": 1, "chains": 1},
            },
            "methods[2]: found 'sgld', which needs 32,000.0 GB (4 replicates x 100,000 draws x 10,000,000 test examples",
        ),
        (
            {
                ("datasets", "sim", "settings"): {"n_train": 10_000_000, "n_val": 10_000_000, "n_test": 150},
                ("studies", "small", "replicates"): 10_000,
                ("studies", "small", "block_size"): 10_000,
                ("output", "prediction_draws"): 1,
            },
            "sim.dataset: found 'sim', which needs 1,600.0 GB (10,000 replicates x 20,000,150 examples x 2 features",
        ),
    ],
    ids=["replicates", "replicates as text", "jobs", "draws", "candidates", "predictions", "data"],
)
def test_a_study_that_nothing_can_hold_is_refused_at_once_with_the_estimate(changes, words):
    raw, started = changed(changes), time.monotonic()
    with pytest.raises(ConfigError) as caught:
        config.load(raw)
    assert words in str(caught.value)
    assert time.monotonic() - started < 20


def test_what_fits_some_machine_but_not_this_one_is_said(monkeypatch):
    loaded = config.load(changed({}))
    assert list(memory_remarks(loaded, "small")) == []
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 10}[name])
    said = list(memory_remarks(loaded, "small"))
    assert [line.split(" needs")[0] for line in said] == ["sim: sgld"]
    assert "4 replicates x 120 draws x 150 test examples x 2 classes" in said[0]
    assert "this machine has 0.0 GB" in said[0]


@pytest.mark.parametrize(
    ("replicates", "said"),
    [
        (1, "sim: 1 replicate, 2 comparisons: no test, which needs at least 6 replicates; p_holm can fall to 0.031 with 7"),
        (5, "sim: 5 replicates, 2 comparisons: no test, which needs at least 6 replicates; p_holm can fall to 0.031 with 7"),
        (6, "sim: 6 replicates, 2 comparisons: p_holm cannot fall below 0.062; p_holm can fall to 0.031 with 7"),
        (7, None),
    ],
)
def test_what_the_replicates_cannot_decide_is_part_of_the_plan(replicates, said):
    plan = make_plan(config.load(changed({("studies", "small", "replicates"): replicates})))
    assert plan.remarks == ((said,) if said else ())


def test_chains_too_short_for_their_gates_are_named_before_any_job():
    settings = ("methods", "sgld", "settings")
    said = {thin: make_plan(config.load(changed({(*settings, "thin"): thin}))).remarks for thin in (10, 11)}
    assert set(said[11]) - set(said[10]) == {"sim: sgld keeps 90 draws per chain and will fail its gates, which need 100"}


@pytest.mark.parametrize("n", [6, 7, 9])
@pytest.mark.parametrize("comparisons", [1, 2, 5])
def test_the_smallest_p_that_is_said_is_that_of_differences_of_one_sign(n, comparisons):
    tested: Any = wilcoxon(range(1, n + 1))
    smallest = float(holm(np.full(comparisons, tested.pvalue))[0])
    raw = changed({("studies", "small", "replicates"): n})
    sim = raw["studies"]["small"]["experiments"]["sim"]
    raw["methods"] |= {f"kd_{i}": raw["methods"]["kd"] for i in range(comparisons)}
    sim["methods"] = ["labels", *(f"kd_{i}" for i in range(comparisons))]
    said = make_plan(config.load(raw)).remarks
    assert (smallest > 0.05) == bool(said)
    assert all(f"cannot fall below {smallest:.2g};" in line for line in said)


def test_the_check_command_says_what_the_replicates_cannot_decide(tmp_path, capsys):
    file = tmp_path / "config.yaml"
    file.write_text(EXAMPLE)
    assert config.main(["check", str(file)]) == 0
    assert "sim: 4 replicates, 2 comparisons: no test" in capsys.readouterr().out
