"""Results in a store: jobs in folders of their own bring every file from there and give the same results as on one disk."""

import csv
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.faults.kills import differences
from tests.workflow.conftest import Checkout
from tests.workflow.pods import Cluster, kubernetes

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.early]
STUDY = Path(__file__).with_name("stored.yaml")
BUNDLE = "results/stored/bundles/mine/tip_entropy_map"
CONFIG = ("--config", "study=stored")
FITTED = "results/stored/evaluation/mine/metrics.parquet"
KEYS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "me", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "secret"}


def needs(*modules: str) -> None:
    """Skip where an optional package is not installed."""
    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{missing[0]} is not installed: make setup EXTRAS='dev kubernetes'")


def checkout(root: Path) -> Checkout:
    """A copy with the study, a table and a teacher's logits of the user's own, all tracked by git."""
    made = Checkout(root)
    shutil.copy(STUDY, root / "workflow" / "studies")
    (root / "data").mkdir()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3)).round(4)
    y = np.where(x[:, 0] + 0.5 * rng.normal(size=120) > 0, "yes", "no")
    tables = {
        "mine": [("id", "a", "b", "c", "kind"), *((f"e{i}", *x[i], y[i]) for i in range(120))],
        "logits": [("id", "no", "yes"), *((f"e{i}", -x[i, 0], x[i, 0]) for i in range(120))],
    }
    for name, rows in tables.items():
        with open(root / "data" / f"{name}.csv", "w", newline="") as file:
            csv.writer(file).writerows(rows)
    for command in (("init", "--quiet"), ("add", ".")):
        subprocess.run(["git", *command], cwd=root, check=True)
    return made


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results on one disk."""
    made = checkout(tmp_path_factory.mktemp("local") / "checkout")
    made.snakemake("--cores", "all", *CONFIG, "--", "all", f"{BUNDLE}/card.json")
    return made.root / "results"


@dataclass(frozen=True)
class Stored:
    """A run on a cluster.

    Attributes:
        objects: copies of what lies in the bucket.
        head: where the main process worked.
        cluster: what it asked for.
        text: what it printed.
    """

    objects: Path
    head: Path
    cluster: Cluster
    text: str


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    """The study through the profile `kubernetes`, into a bucket."""
    needs("moto", "boto3", "kubernetes", "snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_s3")
    import boto3
    from moto.server import ThreadedMotoServer

    folder = tmp_path_factory.mktemp("stored")
    made = checkout(folder / "checkout")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    environment = {**KEYS, "SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": address, "KUBECONFIG": str(folder / "kube.yaml")}
    site = ("--default-storage-prefix", "s3://lab/mtbkd", "--container-image", "registry.lab/mtbkd:0.1.0", "--jobs", "2")
    line = ("--profile", "workflow/profiles/kubernetes", *site, "--seconds-between-status-checks", "1", *CONFIG)
    with kubernetes(folder) as cluster:
        run = made.command("snakemake", *line, "--", "all", f"{BUNDLE}/card.json", environment=environment)
        assert run.status == 0, "\n".join([run.text, *(cluster.log(name) for name in cluster.pods)])
        client = boto3.client(
            "s3", endpoint_url=address, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
        )
        for page in client.get_paginator("list_objects_v2").paginate(Bucket="lab"):
            for each in page["Contents"]:
                place = folder / "objects" / each["Key"]
                place.parent.mkdir(parents=True, exist_ok=True)
                client.download_file("lab", each["Key"], str(place))
        yield Stored(folder / "objects" / "mtbkd", made.root, cluster, run.text)
    server.stop()


def results(differing: list[str]) -> list[str]:
    """Without what a store alone has, or lacks: copies of the user's files, the script of the page, the list of studies."""
    return [name for name in differing if not name.startswith(("shared/own/", "shared/library/")) and name != "index.html"]


def test_results_from_pods_are_those_of_one_disk(local: Path, stored: Stored) -> None:
    assert results(differences(local, stored.objects / "results")) == []
    assert (stored.objects / "results/stored/report.html").stat().st_size > 100_000


def test_nothing_but_results_lies_in_the_bucket(stored: Stored) -> None:
    """No package file, and no longer the sources that pods were sent."""
    assert [path.name for path in stored.objects.iterdir()] == ["results"]
    assert not (stored.head / "results/stored").exists()


def test_pods_get_the_image_the_keys_and_what_jobs_ask_for(stored: Stored) -> None:
    specs = [job["spec"]["template"]["spec"]["containers"][0] for job in stored.cluster.jobs.values()]
    assert specs and {spec["image"] for spec in specs} == {"registry.lab/mtbkd:0.1.0"}
    assert all("pip install" not in spec["args"][1] for spec in specs)
    assert all({each["name"] for each in spec["env"]} >= set(KEYS) for spec in specs)
    assert all(spec["resources"]["limits"]["memory"] == spec["resources"]["requests"]["memory"] for spec in specs)
    assert all(spec["resources"]["limits"].get("nvidia.com/gpu", "0") == "0" for spec in specs)
    assert stored.cluster.secrets == {}


def test_a_study_that_git_does_not_track_stops_the_run_before_the_first_pod(stored: Stored) -> None:
    new = stored.head / "workflow/studies/mine.yaml"
    new.write_text("studies: {}\n")
    line = ("--profile", "workflow/profiles/kubernetes", "--default-storage-prefix", "s3://lab/mtbkd", *CONFIG)
    environment = {**os.environ, **KEYS, "SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": "http://127.0.0.1:9", "KUBECONFIG": "/none"}
    run = subprocess.run(["snakemake", *line], cwd=stored.head, env=environment, capture_output=True, text=True, timeout=300)
    new.unlink()
    assert run.returncode == 1 and "mine.yaml: sources: found a file that git does not track here" in run.stdout + run.stderr


def test_fits_with_files_in_a_folder_that_stands_for_a_store(local: Path, tmp_path: Path) -> None:
    needs("snakemake_storage_plugin_fs")
    if not shutil.which("rsync"):
        pytest.skip("the storage plugin `fs` needs rsync: apt-get install rsync")
    made = checkout(tmp_path / "checkout")
    store = tmp_path / "store"
    line = ("--default-storage-provider", "fs", "--default-storage-prefix", str(store), "--shared-fs-usage", "none")
    made.snakemake("--cores", "all", *line, *CONFIG, "--", FITTED)
    assert not list((made.root / "results").glob("stored/*/*/*/*.nc"))
    lacking = ("stored/bundles/", "stored/figures/", "stored/questions/", "stored/tables/")
    differing = results(differences(local, store / "results"))
    assert [name for name in differing if not name.startswith(lacking)] == []
    assert (store / FITTED).exists()
