"""Memory and minutes that jobs ask of a cluster grow with the study and with the attempt."""

import pytest

from mtbkd.study import config as study_config
from mtbkd.study import resources
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration


def test_the_needs_of_every_fit_are_known_where_the_settings_tell() -> None:
    config = study_config.load({**read_configuration(), "study": "smoke"})
    found = {fit: (need.gigabytes, params) for fit, need, params in resources.needs_of_fits(config, "smoke")}
    assert {method for _, method in found} == set(make_plan(config).experiments["sim1"].methods)
    assert all(size > 0 and params == 6 for size, params in found.values())  # quadratic in 2 features


def test_data_are_counted_by_replicates_examples_and_features() -> None:
    plan = make_plan(study_config.load({**read_configuration(), "study": "smoke"}))
    (data,) = plan.datasets.values()
    assert resources.gigabytes_of_data(data, 2) == pytest.approx(4e-9 * 2 * 550 * 2)
    assert resources.gigabytes_of_data(None, 2) == 0


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_an_attempt_asks_for_as_many_times_as_much(attempt: int) -> None:
    assert resources.megabytes(2.0, attempt) == attempt * resources.megabytes(2.0, 1)
    assert resources.minutes(8, 20_000, 42_000, attempt) == attempt * resources.minutes(8, 20_000, 42_000, 1)
    assert resources.evaluation(10, 5, 1_000, attempt)[0] == attempt * resources.evaluation(10, 5, 1_000, 1)[0]


def test_size_decides() -> None:
    assert resources.megabytes(4.0, 1) - resources.megabytes(0.0, 1) == 12_000  # 4 GB, three copies
    small = resources.minutes(2, 1_000, 27, 1)
    assert all(resources.minutes(*more, 1) > small for more in ((20, 1_000, 27), (2, 90_000, 27), (2, 1_000, 42_000)))


def test_no_job_of_a_large_evaluation_asks_for_more_than_3_gb() -> None:
    """50 methods, 1,000 replicates: what scores 500 replicates of one, what joins and shows all of them."""
    scoring, joining, showing = (
        resources.evaluation(500, 1, 10_000, 1), resources.joining(1_000, 50, 1), resources.showing(50_000, 1),
    )  # fmt: skip
    assert max(scoring[0], joining[0], showing[0]) <= 3_000
    assert resources.joining(1_000, 50, 2)[0] == 2 * joining[0] > resources.joining(10, 50, 2)[0]
