"""Bad input and bad luck: one clear error that names file and field, and nothing half-written."""

import ctypes
import os
from collections.abc import Callable

import numpy as np
import pytest

from tests.workflow.conftest import Checkout, Run

pytestmark = pytest.mark.workflow

FAULTY = """
datasets:
  good: {kind: table, settings: {path: data/good.csv, label: kind, id: name}}
  headless: {kind: table, settings: {path: results/shared/tables/headless.csv, label: kind}}
teachers:
  fine: {family: mlp, settings: {hidden: [4], steps: 20}}
  undefined: {family: released, settings: {path: data/undefined.csv}}
  narrow: {family: released, settings: {path: data/narrow.csv}}
  stranger: {family: released, settings: {path: data/stranger.csv}}
studies:
  faulty:
    experiments:
      headless: {dataset: headless, teachers: [fine], student: linear, methods: [labels_map]}
      good: {dataset: good, teachers: [undefined, narrow, stranger], student: linear, methods: [tip_equal_map]}
"""
# What a careless preparation does: it drops the column of the label.
SCRIPT = """
from pathlib import Path

Path(snakemake.output[0]).write_text("a,b\\n1,2\\n3,4\\n")
"""


def assert_refused(run: Run, *words: str) -> None:
    """The run failed, said ``words``, and showed no traceback of ours."""
    assert run.status != 0, run.text
    assert "Traceback" not in run.text, run.text
    for word in words:
        assert word in run.text, run.text


def bound_by_permissions() -> Callable[[], None] | None:
    """For a child process: give up what lets root write anywhere. Others are bound already."""
    if os.geteuid() != 0:
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def drop() -> None:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: gone after the next exec

    return drop


def test_typos_are_all_named_before_anything_is_made(fresh: Checkout) -> None:
    listed = "methods: [labels_map, tip_entropy_sgld_tiny"
    with (
        fresh.edited("workflow/studies/smoke.yaml", listed, listed.replace("map", "mop", 1)),
        fresh.edited("workflow/studies/smoke.yaml", "    levels: [0.9]", "    levels: [1.2]"),
    ):
        run = fresh.command("snakemake", "--cores", "all", "--config", "study=smoke")
    assert_refused(run, "the configuration has 2 mistakes", "studies.smoke.levels[0]: found 1.2", "did you mean 'labels_map'?")
    assert not (fresh.root / "results").exists()


def test_an_unknown_study_is_named_with_the_known_ones(fresh: Checkout) -> None:
    run = fresh.command("snakemake", "--cores", "all", "--config", "study=smoek")
    assert_refused(run, "study: found 'smoek'", "protein", "did you mean 'smoke'?")
    assert not (fresh.root / "results").exists()


@pytest.mark.parametrize("options", [("--cores", "0"), ("--cores", "1", "--jobs", "0")])
def test_a_run_without_cores_does_not_wait_for_ever(fresh: Checkout, options: tuple[str, ...]) -> None:
    run = fresh.command("snakemake", *options, "--config", "study=smoke")
    assert_refused(run, f"{options[-2]}: value: found 0; expected 1 or more, or all")
    assert not (fresh.root / "results").exists()


def test_results_that_are_a_file_are_refused(fresh: Checkout) -> None:
    (fresh.root / "results").write_text("mine")
    run = fresh.command("snakemake", "--cores", "all", "--config", "study=smoke")
    assert_refused(run, "results: kind: found a file; expected a folder")
    assert (fresh.root / "results").read_text() == "mine"


def test_results_without_permission_are_refused(fresh: Checkout) -> None:
    results = fresh.root / "results"
    results.mkdir(mode=0o555)
    command = ("snakemake", "--cores", "all", "--config", "study=smoke")
    run = fresh.command(*command, preexec_fn=bound_by_permissions())
    assert_refused(run, "results: permission: found a folder not to write to")
    assert list(results.iterdir()) == []


def test_no_network_and_no_mirror_is_one_clear_error(fresh: Checkout) -> None:
    key = "mtbkd/data_our_test.csv"
    nowhere = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
    command = ("snakemake", "--cores", "1", "--config", "study=protein", "--", f"results/downloads/{key}")
    with fresh.edited(
        "mtbkd/data/downloads.py", "BACKOFF = 1.0", "BACKOFF = 0.01"
    ):  # the retries are the same, the waits shorter
        run = fresh.command(*command, environment=nowhere)
    assert_refused(run, f"{key}: could not be fetched", "no mirror was tried: MTBKD_MIRROR is not set", "sha256")
    assert fresh.files("results/downloads/**/*") == {}


def test_a_mirror_that_does_not_exist_is_named(fresh: Checkout) -> None:
    command = ("snakemake", "--cores", "1", "--config", "study=protein", "--", "results/downloads/mtbkd/data_our_test.csv")
    run = fresh.command(*command, environment={"MTBKD_MIRROR": "/no/such/folder"})
    assert_refused(run, "MTBKD_MIRROR: found '/no/such/folder', which is no folder")
    assert fresh.files("results/downloads/**/*") == {}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, Run]:
    """A study in which a dataset's rule forgets a column and three files of logits are wrong; all jobs have been tried."""
    checkout = Checkout(tmp_path_factory.mktemp("faulty") / "checkout")
    checkout.configure("config.yaml", FAULTY)
    rules = checkout.root / "workflow" / "datasets"
    (rules / "headless.smk").write_text((rules / "_template.smk").read_text().replace("NAME", "headless"))
    (rules / "prepare_headless.py").write_text(SCRIPT)
    rng = np.random.default_rng(0)
    names = [f"n{i}" for i in range(60)]
    files = {
        "headless": ["anything"],
        "good": ["name,a,b,kind", *(f"{n},{rng.normal()},{rng.normal()},{'xyz'[i % 3]}" for i, n in enumerate(names))],
        "undefined": ["id,x,y,z", *(f"{n},1,2,{'nan' if n == 'n7' else 3}" for n in names)],
        "narrow": ["id,x,y", *(f"{n},1,2" for n in names)],
        "stranger": ["id,x,y,z", *(f"{n},1,2,3" for n in names[1:]), "n99,1,2,3"],
    }
    (checkout.root / "data").mkdir()
    for name, lines in files.items():
        (checkout.root / "data" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return checkout, checkout.command("snakemake", "--cores", "all", "--keep-going", "--config", "study=faulty")


@pytest.mark.parametrize(
    "words",
    [
        "results/shared/tables/headless.csv: columns: found no 'kind' among a, b",
        "data/undefined.csv: line 9, column 'z': found 'nan'; expected a finite number",
        "data/narrow.csv: columns: found no 'z'",
        "1 ids of",
    ],
    ids=["a rule that forgets a column", "logits with NaN", "logits of too few classes", "logits of other examples"],
)
def test_a_file_that_breaks_its_contract_is_named_with_the_field(faulty: tuple[Checkout, Run], words: str) -> None:
    assert_refused(faulty[1], words)


def test_failed_jobs_leave_nothing_half_written(faulty: tuple[Checkout, Run]) -> None:
    written = set(faulty[0].files("results/**/*"))
    whole = {path for path in written if "/logs/" not in path and "/benchmarks/" not in path}
    assert {path.split("/")[-1] for path in whole} == {"headless.csv", "data.safetensors", "examples.csv", "card.json"}
    assert {path.split("/")[3].partition("-")[0] for path in whole if "/data/" in path} == {"good"}


def test_the_log_of_each_failed_job_holds_its_error(faulty: tuple[Checkout, Run]) -> None:
    checkout, _ = faulty
    logs = {path.split("/")[3].partition("-")[0]: path for path in checkout.files("results/logs/teacher/**/*.log")}
    assert set(logs) == {"undefined", "narrow", "stranger"}
    assert all("expected" in (checkout.root / path).read_text() for path in logs.values())
