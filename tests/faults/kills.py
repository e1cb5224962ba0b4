"""Kill the study `smoke` at random moments, start it again with the same command, and compare with an undisturbed run.

    python -m tests.faults.kills --kills 20 --folder /tmp/kills
    python -m tests.faults.kills --kills 5 --folder /tmp/kills --during report   # at moments while that rule works

A kill strikes the main process with all its children or, every third time, the main process alone. When a run ends before its
kill, results/ is deleted and the study begins anew. It exits with 1 when anything differs bit for bit. Left out of the
comparison is what holds times: logs, benchmarks, manifest.json, the page and its headlines, the seconds in a draws' file, and
`ess_per_s`.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import xarray as xr

from tests.workflow.conftest import Checkout

COMMAND = ("snakemake", "--cores", "all", "--config", "study=smoke")
TIMES = ("inference_s", "wall_s")
LEFT_OUT = (
    "manifest.json", "report.html", "headline.json", "snakemake.rst", "index.html",
    "agreement.csv",  # the rows of agreement.parquet
)  # fmt: skip


def content(path: Path) -> object:
    """What must be the same in every run of the same study."""
    if path.suffix == ".nc":
        with xr.open_datatree(path) as tree:
            attributes = {key: json.loads(text) for key, text in tree.attrs.items() if str(key).startswith("json_")}
            groups = [(g, tree[g].to_dataset().load()) for g in tree.groups]
            names = [(g, n, data[n].dtype.str, data[n].shape, data[n].values.tobytes()) for g, data in groups for n in data]
        kept = {k: v for k, v in attributes["json_attrs"].items() if k not in TIMES}
        return repr({**attributes, "json_attrs": kept}), names
    if path.name == "agreement.parquet":
        return pd.read_parquet(path).drop(columns="ess_per_s").to_csv(index=False)
    return path.read_bytes()


def compared(results: Path) -> dict[str, Path]:
    """The files of ``results`` that are compared, by their path in it."""
    paths = {str(path.relative_to(results)): path for path in results.rglob("*") if path.is_file()}
    timed = ("logs/", "benchmarks/")
    return {
        name: path
        for name, path in paths.items()
        if path.name not in LEFT_OUT and not any(name.startswith(t) or f"/{t}" in name for t in timed)
    }


def differences(a: Path, b: Path) -> list[str]:
    """Files that only one of two folders of results has, or whose contents differ."""
    ours, theirs = compared(a), compared(b)
    differing = [name for name in ours.keys() & theirs.keys() if content(ours[name]) != content(theirs[name])]
    return sorted({*differing, *(ours.keys() ^ theirs.keys())})


def killed_after(checkout: Checkout, seconds: float, main_only: bool, during: str = "") -> bool:
    """Start the study and kill it so long after its start, or that of the rule ``during``; False when it ended before."""
    with open(checkout.root.parent / "killed.txt", "a") as output:
        begin = output.tell()
        run = subprocess.Popen(
            COMMAND, cwd=checkout.root, env=checkout.environment(), stdout=output, stderr=output, start_new_session=True
        )
        while during and run.poll() is None and f"rule {during}:" not in Path(output.name).read_text()[begin:]:
            time.sleep(0.05)
        try:
            status = run.wait(seconds)
        except subprocess.TimeoutExpired:
            if main_only:
                run.kill()
            else:
                os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return True
    if status:
        sys.exit(f"a run that nobody killed failed: {output.name}")
    return False


def campaign(folder: Path, kills: int, longest: float, seed: int, during: str) -> list[str]:
    """Run undisturbed, then with kills, early ones more often than late ones, and return what differs."""
    calm, struck = Checkout(folder / "calm"), Checkout(folder / "struck")
    calm.snakemake(*COMMAND[1:])
    moments, done, found = random.Random(seed), 0, []
    while done < kills:
        after = moments.uniform(0, longest) if during else moments.triangular(1, longest, 1)
        if killed_after(struck, after, done % 3 == 2, during):
            done += 1
            print(f"kill {done} of {kills} after {after:.1f} s, {len(compared(struck.root / 'results'))} files", flush=True)
        else:
            found += differences(calm.root / "results", struck.root / "results")
            print(f"ended before its kill; differing files so far: {len(found)}", flush=True)
            shutil.rmtree(struck.root / "results")
    struck.snakemake(*COMMAND[1:])
    return found + differences(calm.root / "results", struck.root / "results")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--folder", type=Path, required=True, help="a folder to work in, made when missing")
    parser.add_argument("--longest", type=float, default=30.0, help="seconds after which a kill strikes at the latest")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--during", default="", help="count the seconds from the start of this rule's job")
    asked = parser.parse_args()
    differing = campaign(asked.folder, asked.kills, asked.longest, asked.seed, asked.during)
    print("\n".join(differing) or "every compared file is the same, bit for bit")
    sys.exit(bool(differing))
