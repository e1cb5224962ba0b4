"""Where files lie in a store, the paths among a job's params lead to its own copies of inputs and outputs, and nowhere else."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mtbkd.base.job import located, own_copies, results_of
from mtbkd.base.places import relocated

STORE = ".snakemake/storage/fs/results/bucket"
DATA, DRAWS = "results/shared/data/sim1/r0-1", "results/demo/students/a.nc"


class Rule(SimpleNamespace):
    """A job as Snakemake hands it to a script: its params are a new copy whenever they are asked for."""

    @property
    def params(self) -> Mapping[str, Any]:
        return dict(self.given)


def rule(root: str) -> Rule:
    spec = {
        "name": "results",
        "levels": [0.9],
        "data": {"r0-1": DATA},
        "draws": (DRAWS,),
        "path": "results/shared/tables/t.csv",
    }
    files = [f"{root}{DATA}/card.json", f"{root}{DRAWS}"]
    return Rule(given={"spec": spec, "out": "results/demo"}, input=files, output=[f"{root}results/demo/x/t.csv"], wildcards=())


@pytest.mark.parametrize(
    ("output", "root"),
    [
        ("results/shared/data/sim1/r0-1/card.json", "results"),
        (f"{STORE}/results/shared/data/sim1/r0-1/card.json", f"{STORE}/results"),
        ("/elsewhere/results/demo/report.html", "/elsewhere/results"),
    ],
)
def test_the_results_tree_lies_where_outputs_do(output: str, root: str) -> None:
    assert results_of(SimpleNamespace(output=[output])) == Path(root)


def test_params_name_the_copies_of_inputs_however_deep_and_nothing_else_changes() -> None:
    asked = rule(f"{STORE}/")
    assert vars(located(asked).params) == {
        "spec": {**asked.given["spec"], "data": {"r0-1": f"{STORE}/{DATA}"}, "draws": (f"{STORE}/{DRAWS}",)},
        "out": f"{STORE}/results/demo",
    }


def test_without_a_store_params_stay_as_they_are() -> None:
    asked = rule("")
    assert vars(located(asked).params) == asked.given


def test_a_user_s_file_is_read_where_the_store_put_it() -> None:
    params = SimpleNamespace(spec={"settings": {"path": "data/mine.csv", "splits": "data/splits.csv"}})
    copies = SimpleNamespace(own=[f"{STORE}/results/shared/own/1/mine.csv", "data/splits.csv"])
    found = own_copies(SimpleNamespace(params=params, input=copies))
    assert found == {"data/mine.csv": copies.own[0]}
    assert relocated(params.spec["settings"]["path"], found) == copies.own[0]
