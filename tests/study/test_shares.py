"""How the evaluation of an experiment is divided into jobs."""

from dataclasses import replace

import pytest

from mtbkd.base.blocks import block_names, block_range
from mtbkd.study import config as study_config
from mtbkd.study import shares
from mtbkd.study.plan import make_plan
from mtbkd.study.planned import ExperimentPlan
from mtbkd.study.study_files import read_configuration, study_files


def experiment(replicates: int, methods: int, block_size: int, **settings: int) -> ExperimentPlan:
    """That of smoke with other sizes."""
    planned = make_plan(study_config.load({**read_configuration(), "study": "smoke"})).experiments["sim1"]
    data = replace(planned.data, settings=planned.data.settings | settings)
    spec, blocks = planned.methods["labels_map"], block_names(replicates, block_size)
    return replace(planned, data=data, replicates=replicates, blocks=blocks, methods={f"m{i}": spec for i in range(methods)})


@pytest.mark.parametrize("study", [path.stem for path in study_files()])
def test_the_studies_of_the_suite_have_one_job_an_experiment(study: str) -> None:
    plan = make_plan(study_config.load({**read_configuration(), "study": study}))
    assert not any(shares.groups(each) for each in plan.experiments.values())


@pytest.mark.parametrize(
    ("replicates", "methods", "block_size"), [(1_000, 50, 25), (1_001, 2, 300), (30, 50, 8), (9_999, 1, 1)]
)
def test_groups_hold_every_block_once_and_are_named_by_their_replicates(replicates: int, methods: int, block_size: int) -> None:
    planned = experiment(replicates, methods, block_size)
    found = shares.groups(planned)
    assert [block for each in found.values() for block in each] == list(planned.blocks)
    for name, blocks in found.items():
        assert list(block_range(name)) == [replicate for block in blocks for replicate in block_range(block)]
        assert len(block_range(name)) <= max(shares.REPLICATES, block_size)


def test_larger_replicates_make_smaller_groups() -> None:
    assert shares.groups(experiment(100, 10, 10)) == {}
    large = shares.groups(experiment(100, 10, 10, n_test=100_000))
    assert [len(blocks) for blocks in large.values()] == [5, 5]
