"""Time and memory of large studies: plan, evaluation, figures and report against the number of replicates.

Used by ``scripts/scale.py``. Fits are made (``made``). Up to WHOLE replicates every job of the evaluation runs; above, the
parts that score methods are copies of those of the first block (``copied``), as each takes what its own replicates take, and
everything else runs on as many rows as the study has. Seconds are those of a processor, so that other load does not count.
"""

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtbkd.base.writing import write_json
from mtbkd.bench.process import ROOT, machine
from mtbkd.bench.scale import figure, made
from mtbkd.bench.scale.copied import copy

WHOLE = 30
# What runs on copied parts: nothing that reads the fits that were not made.
LATE = ("--allowed-rules", "evaluate", "figures_experiment_made", "figures_study_experiments", "report")
STEPS = ("plan", "score", "relate", "evaluate", "figures", "report")


def run(sizes: Sequence[int], methods: int, block_size: int, out: Path, whole: int = WHOLE) -> None:
    """Measure studies of ``sizes`` replicates and ``methods`` methods; write ``out`` after each, and the figure beside it."""
    result: dict[str, Any] = {"machine": machine(1), "methods": methods, "block_size": block_size, "studies": []}
    for replicates in sizes:
        with tempfile.TemporaryDirectory() as folder:
            result["studies"].append(measure(Path(folder), replicates, methods, block_size, replicates <= whole))
        write_json(out, result)
        figure.draw(result, out.with_suffix(".svg"))
        print(result["studies"][-1], flush=True)


def measure(folder: Path, replicates: int, methods: int, block_size: int, fits: bool) -> dict[str, Any]:
    """Steps of one study in an empty ``folder``, each with jobs, seconds of a processor and the largest job's peak memory."""
    plan = made.make(folder, replicates, methods, block_size, fits)
    planned = _snakemake(folder, "--dry-run", "--quiet", "all")
    if not fits:
        copy(folder, plan)
    _snakemake(folder, "--cores", "1", "--quiet", "all", *(() if fits else LATE), "--", f"results/{made.STUDY}/report.html")
    steps = {"plan": planned, **{step: _jobs(folder, step) for step in STEPS[1:]}}
    page = folder / "results" / made.STUDY / "report.html"
    tables = sum(path.stat().st_size for path in (page.parent / "evaluation" / "made").glob("*.parquet"))
    sizes = {"page_mb": page.stat().st_size / 1e6, "tables_mb": tables / 1e6}
    return {"replicates": replicates, "fits": "all" if fits else "first block, copied", "steps": steps, **sizes}


def _snakemake(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the study in ``folder``: results are taken by their times, as no job has made the fits."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), *arguments]
    command[4:4] = ["--rerun-triggers", "mtime", "--config", f"study={made.STUDY}"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(said.decode(errors="replace")[-3000:])
    return {"jobs": 1, "cpu_s": round(used.ru_utime + used.ru_stime, 1), "peak_mb": used.ru_maxrss // 1024}


def _jobs(folder: Path, step: str) -> dict[str, Any]:
    """The jobs of a step, as their benchmark files tell."""
    root = folder / "results" / made.STUDY / "benchmarks"
    files = [*root.glob(f"{step}.tsv"), *root.glob(f"{step}/**/*.tsv")]
    rows = [row for file in files for row in csv.DictReader(file.open(encoding="utf-8"), delimiter="\t")]
    cpu, peak = ([float(row[name]) for row in rows if row[name] not in ("-", "NA")] for name in ("cpu_time", "max_rss"))
    return {"jobs": len(rows), "cpu_s": round(sum(cpu), 1), "peak_mb": round(max(peak, default=0))}
