"""Time and memory of large studies: plan, evaluation, figures and report against the number of replicates.

Used by ``scripts/scale.py``. Fits are made (``made``). Up to some size every job of the evaluation runs; above, the parts that
score methods are copies of those of the first block (``copied``), as each takes what its own replicates take, and everything
else runs on as many rows as the study has. Seconds are those of a processor, so that other load does not count.
"""

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mtbkd.base.reading import read_json
from mtbkd.base.writing import write_json
from mtbkd.bench.process import ROOT, machine
from mtbkd.bench.scale import figure, made
from mtbkd.bench.scale.copied import copy

# What runs on copied parts: nothing that reads the fits that were not made.
LATE = ("--allowed-rules", "evaluate", "figures_experiment_made", "figures_study_experiments", "report")
STEPS = ("score", "relate", "evaluate", "figures", "report")


def run(sizes: Sequence[int], methods: int, block_size: int, whole: int, out: Path, keep: Path | None = None) -> None:
    """Measure studies of ``sizes`` replicates and ``methods`` methods; write ``out`` after each, and the figure beside it.

    Args:
        sizes: numbers of replicates; those that ``out`` has already are measured anew, others stay.
        methods: number of methods.
        block_size: replicates of a block.
        whole: up to so many replicates every job runs; above, parts are copied.
        out: a JSON file.
        keep: folder for the studies, which a later call resumes; by default they are removed.
    """
    asked = {"methods": methods, "block_size": block_size}
    before = read_json(out) if out.is_file() else {}
    studies = {each["replicates"]: each for each in before.get("studies", ()) if asked.items() <= before.items()}
    for replicates in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            folder = (keep or Path(temporary)) / str(replicates)
            asked_of = (folder, replicates, methods, block_size, replicates <= whole)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as own:  # a child's peak memory begins at its parent's
                studies[replicates] = own.submit(measure, *asked_of).result()
        found = {"machine": machine(1), **asked, "studies": [each for _, each in sorted(studies.items())]}
        write_json(out, found)
        figure.draw(found, out)
        print(studies[replicates], flush=True)


def measure(folder: Path, replicates: int, methods: int, block_size: int, whole: bool) -> dict[str, Any]:
    """Steps of one study in ``folder``, each with jobs, seconds of a processor and the largest job's peak memory."""
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / "measured.json"
    if not known.is_file():
        made.configure(folder, replicates, methods, block_size)
        planned = _snakemake(folder, "--dry-run", "--quiet", "all")
        plan = made.make(folder, whole)
        write_json(known, {"plan": planned, **({} if whole else {"first block": copy(folder, plan)})})
    _snakemake(folder, "--cores", "1", "--quiet", "all", *(() if whole else LATE), "--", f"results/{made.STUDY}/report.html")
    page = folder / "results" / made.STUDY / "report.html"
    files = [*page.parent.glob("evaluation/made/*.parquet")]
    sizes = {"page_mb": page.stat().st_size / 1e6, "tables_mb": sum(file.stat().st_size for file in files) / 1e6}
    steps = read_json(known) | {step: _jobs(page.parent / "benchmarks", step) for step in STEPS}
    return {"replicates": replicates, "fits": "all" if whole else "first block, copied", "steps": steps, **sizes}


def _snakemake(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the study in ``folder``: results are taken by their times, as no job has made the fits."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile")]
    command += ["--rerun-triggers", "mtime", "--config", f"study={made.STUDY}", *arguments]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    log = folder / "snakemake.log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")[-3000:])
    return {"jobs": 1, "cpu_s": round(used.ru_utime + used.ru_stime, 1), "peak_mb": used.ru_maxrss // 1024}


def _jobs(benchmarks: Path, step: str) -> dict[str, Any]:
    """The jobs of a step, as their benchmark files tell."""
    files = [*benchmarks.glob(f"{step}.tsv"), *benchmarks.glob(f"{step}/**/*.tsv")]
    rows = [row for file in files for row in csv.DictReader(file.open(encoding="utf-8"), delimiter="\t")]
    cpu, peak = ([float(row[name]) for row in rows if row[name] not in ("-", "NA")] for name in ("cpu_time", "max_rss"))
    return {"jobs": len(rows), "cpu_s": round(sum(cpu), 1), "peak_mb": round(max(peak, default=0))}
