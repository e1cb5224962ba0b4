"""Thousands of broken configurations: each is refused with the key's path, at once, without a traceback; none slips through."""

import copy
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import KeyPath, dotted
from mtbkd.study import config
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration

ROOT = Path(__file__).parents[2]
PATIENCE = 20  # seconds; one load takes some 20 ms
SMALL = """
study: small
seed: 3
device: cpu
posterior: {lambda: [0.5, 2], beta: 1.0, prior_scale: 1, teacher_temperature: 1, student_temperature: 1, temperature: 1}
training: {steps: 100, batch_size: 32, restarts: 2, learning_rate: 0.02, signal_warmup: 0.3}
output: {probes: 5, prediction_draws: 20, observed_examples: 10, keep_params: false}
datasets:
  sim: {kind: sim1, settings: {n_train: 300, n_val: 100, n_test: 150, label_share: 0.5}}
  pictures: {kind: digits, settings: {share: 0.5}}
  clothes: {kind: fashion_mnist, settings: {n_train: 100, n_val: 50, n_test: 50, gammas: [0, 0.5], n_gamma: 10,
        ood: {mnist: 10}}}
teachers:
  b1: {family: mlp, domain: b1, settings: {hidden: [8, 4], dropout: 0.1, exposure: 0.0, steps: 10, weight_scale: 0.5,
        features: [0]}}
  b3: {family: mlp, domain: b3}
  plain: {family: cnn, domain: plain, settings: {channels: [4], hidden: [8], learning_rate: 0.01, batch_size: 16}}
  nobody: {family: uniform}
students:
  mlp_5: {architecture: mlp, settings: {hidden: [5]}}
  linear: {architecture: linear, settings: {features: raw}}
  small_cnn: {architecture: cnn, settings: {channels: [2], hidden: [3], norm: layer}}
methods:
  labels_map: {signal: none, inference: map}
  tip_map: {signal: tip, weights: equal, inference: map, posterior: {beta: 2}, published: [tip_equal]}
  tip_sgld: {signal: tip, weights: entropy, inference: sgld, settings: {steps: 200, burn_in: 50, thin: 10, chains: 2,
        step_size: 4.0e-6, decay: 0.1}}
  power_vi: {signal: power, signal_settings: {r: 0.5}, weights: equal, inference: vi, settings: {family: low_rank,
        rank: 2, steps: 50, draws: 20, tolerance: 0.1, window: 10}}
  bkd_nuts: {signal: bkd, signal_settings: {teacher: 0}, inference: nuts, settings: {chains: 2, draws: 50, tune: 60,
        max_treedepth: 5}}
  kd_dropout: {signal: kd, weights: entropy, inference: dropout, settings: {rate: 0.1, draws: 30}}
  kd_laplace: {signal: kd, weights: equal, inference: laplace, settings: {draws: 30, newton: 2}}
studies:
  small:
    description: a sentence
    replicates: 2
    block_size: 2
    levels: [0.8, 0.9]
    questions:
      exact: {kind: exact, settings: {methods: [labels_map], sbc_datasets: 50, conjugate: {examples: 100, lam: 2.0}}}
      found: {kind: search, dataset: sim, settings: {published: mtbkd_table1_sim1, teachers: {T1: b1}, replicates: 2,
            grid: {steps: [10, 20]}, dataset_grid: {n_train: [100]}}}
      tried: {kind: search, experiment: sim, settings: {methods: {tip_equal: tip_map}, replicates: 2,
            posterior: {kappa: [0.5, 2], lambda: [kappa, 20]}, steps: [10], label_share: [1, 0.5],
            outside_temperature: [1, 2], grid: {steps: [10]}, dataset_grid: {n_train: [100]}}}
      pay: {kind: curves, dataset: sim, student: mlp_5, replicates: 2, settings: {teachers: {both: [b1, b3]},
            methods: [labels_map, tip_map], labels: [10, 30, all], folds: 3, transfer: [true], steps: [10]}}
      safe: {kind: safety, experiment: pictures, settings: {classes: ["8"], limits: [0.1], rounds: 2,
            learning_rate: 0.01, penalty: 1.0}}
      sure: {kind: guarantees, experiment: sim, settings: {orders: [-1.0, 2.0], examples: 10, draws: 100,
            teachers: [1, 2], correlations: [0.0, 0.5]}}
      bits: {kind: residues, replicates: 2, settings: {teacher_sequences: 10, length: 20, train_mix: [0.1, 0.7, 0.2],
            task_residues: 10.0, residue_set: C}}
    experiments:
      sim: {dataset: sim, teachers: [b1, b3], student: mlp_5, published: mtbkd_table1_sim1, replicates: 2,
            methods: [labels_map, tip_sgld, power_vi, bkd_nuts, kd_dropout, kd_laplace]}
      pictures: {dataset: pictures, teachers: [plain, nobody], student: small_cnn, training: {steps: 5},
            posterior: {lambda: 2}, methods: [labels_map, tip_map]}
"""
RAW: dict[str, Any] = yaml.safe_load(SMALL)
LONG = "x" * 20_000
# What no number, no name, no list and no mapping of this configuration may become.
NO_NUMBER = [
    "many", "", " ", LONG, "a\0b", {}, {"a": 1}, [], [[1]], [math.nan], True, math.nan, -math.inf, 1e308, 10**30, 10**5000,
    -1e9,
]  # fmt: skip
NO_NAME = [
    "", " ", "nobody at all", LONG, "a\0b", "\ud800", 1, 0.5, -1, True, math.nan, math.inf, 10**30, [], [1], {}, {"a": 1}, [[]],
]  # fmt: skip
NO_LIST = [
    "nobody at all", LONG, True, {}, {"a": 1}, [{}], [[]], [None], [True], [math.nan], [-math.inf], [1e308], -1e9, math.nan,
]  # fmt: skip
NO_MAPPING = ["text", "", LONG, 1, 0.5, True, math.nan, [], [1], [{}]]
# Leaves that may be missing, which `null` says, too, and the few odd values that are legal where they stand.
NULLABLE = {
    "datasets.clothes.settings.n_gamma", "teachers.b1.domain", "teachers.b3.domain", "teachers.plain.domain",
    "teachers.b1.settings.features", "studies.small.questions.pay.replicates",
    "studies.small.questions.bits.replicates", "studies.small.experiments.sim.replicates",
}  # fmt: skip
LEGAL = {
    "posterior.prior_scale": [math.inf],
    "output.keep_params": [True],
    "teachers.b1.settings.weight_scale": [math.inf],
    "studies.small.description": ["", " ", "nobody at all"],
    "studies.small.questions.pay.settings.transfer": [[True]],
    "studies.small.questions.pay.settings.transfer[0]": [True],
}
EVERY = 5  # of the values for a place, one in so many is tried there; the next place begins with another one


@contextmanager
def patience() -> Iterator[None]:
    """TimeoutError, which no test catches, after PATIENCE seconds."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def places(node: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Path and content of everything in the configuration but the whole of it."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        yield (*path, key), child
        yield from places(child, (*path, key))


PLACES = dict(places(RAW))


def changed(path: KeyPath, value: Any) -> Any:
    """The configuration with ``value`` at ``path``; Ellipsis takes the key away."""
    raw: Any = copy.deepcopy(RAW)
    node = raw
    for key in path[:-1]:
        node = node[key]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return raw


def refusal(raw: Any) -> list[str]:
    """The lines of the refusal, [] for a configuration that is legal; whatever else happens is a failure."""
    with patience():
        try:
            make_plan(config.load(raw))
        except ConfigError as error:
            first, *lines = str(error).split("\n")
            assert first.startswith("the configuration has ")
            assert lines
            return [line.strip() for line in lines]
    return []


def candidates(value: Any) -> list[Any]:
    """What may not stand in place of ``value``."""
    if isinstance(value, bool):
        return NO_MAPPING
    if isinstance(value, int | float):
        return NO_NUMBER
    return NO_MAPPING if isinstance(value, dict) else NO_LIST if isinstance(value, list) else NO_NAME


def is_legal(path: KeyPath, value: Any) -> bool:
    name = dotted(path)
    return (value is None and name in NULLABLE) or any(value is v or value == v for v in LEGAL.get(name, []))


def names(line: str, path: KeyPath) -> bool:
    """The line is about ``path``, what it lies in or what lies in it, or about another key that refers to it."""
    entry, where = dotted(path[:2]), line.split(": ")[0]
    return where.startswith(dotted(path)) or dotted(path).startswith(where) or entry in line or repr(path[-1]) in line


def test_the_configuration_that_is_broken_below_is_legal():
    assert refusal(RAW) == []
    assert len(PLACES) > 200


@pytest.mark.parametrize("number", range(len(PLACES)), ids=[dotted(path) for path in PLACES])
def test_nonsense_in_any_place_is_refused_with_the_place(number):
    path, value = list(PLACES.items())[number]
    wrong = [v for v in [*candidates(value), None, math.inf] if not is_legal(path, v)]
    for bad in wrong[number % EVERY :: EVERY]:
        lines = refusal(changed(path, bad))
        assert lines, f"accepted {bad!r}"
        assert any(names(line, path) for line in lines), lines
        assert all(len(line) < 700 for line in lines), lines


@pytest.mark.parametrize("name", sorted(NULLABLE | set(LEGAL)))
def test_what_is_spared_above_is_legal_indeed(name):
    (path,) = (path for path in PLACES if dotted(path) == name)
    for value in [*LEGAL.get(name, []), *([None] if name in NULLABLE else [])]:
        if name != "posterior.prior_scale":  # legal there for methods that need no proper prior: see tests/study/test_config.py
            assert refusal(changed(path, value)) == []


KEYS = [path for path in PLACES if isinstance(path[-1], str)]


@pytest.mark.parametrize("part", range(10))
def test_a_misspelt_key_is_refused_with_its_name_or_is_a_new_name_in_a_section(part):
    for path in KEYS[part::10]:
        misspelt = f"{path[-1]}x"
        raw = changed(path, ...)
        node = raw
        for key in path[:-1]:
            node = node[key]
        node[misspelt] = PLACES[path]
        lines, is_name = refusal(raw), path[:-1] in NAMED
        assert lines or is_name, dotted(path)
        if not is_name:
            assert any(misspelt in line for line in lines), lines


# Mappings whose keys are names of the user's own.
NAMED = {
    (section,) for section in ("datasets", "teachers", "students", "methods", "studies")
} | {
    ("studies", "small", key) for key in ("experiments", "questions")
} | {("studies", "small", "questions", "pay", "settings", "teachers")}  # fmt: skip


REQUIRED = {
    "study", "datasets", "teachers", "students", "methods", "studies", "experiments", "dataset", "student", "kind", "family",
    "architecture", "signal", "inference", "weights",
}  # fmt: skip


@pytest.mark.parametrize("part", range(10))
def test_a_key_that_is_taken_away_has_a_default_or_is_named(part):
    for path in KEYS[part::10]:
        lines = refusal(changed(path, ...))
        assert lines or path[-1] not in REQUIRED or "settings" in path, dotted(path)
        for line in lines:
            assert names(line, path) or "missing" in line, line


@given(
    st.sampled_from(list(PLACES)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["sim", "mlp", "map"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
        max_leaves=8,
    ),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_random_content_in_a_random_place_is_legal_or_refused_in_lines(path, value):
    refusal(changed(path, value))


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.floats() | st.integers(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)
    )
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_random_content_is_no_configuration(raw):
    assert refusal(raw)


def test_nonsense_in_the_shipped_configuration_is_refused():
    shipped = read_configuration()
    for path, bad in {
        ("studies", "images", "replicates"): 1e12,
        ("datasets", "mnist", "settings", "n_train"): math.nan,
        ("teachers", "mnist_mlp", "settings", "hidden"): [10**9],
        ("methods", "labels_sgld", "settings", "step_size"): math.inf,
    }.items():
        raw = copy.deepcopy(shipped)
        node = raw
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = bad
        assert [line for line in refusal(raw) if line.startswith(dotted(path))]
