"""Common frame of the workflow scripts around their one function call: log file, threads, readable errors."""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mtbkd.base import gpus, running
from mtbkd.base.errors import MtbkdError, machine_fault
from mtbkd.base.places import relocated
from mtbkd.base.sources import own_paths

log = logging.getLogger(__name__)


@contextmanager
def job(check_raw: Callable[[Iterable[str]], None] | None = None) -> Iterator[Any]:
    """Yield input, output, wildcards and params of the job whose script this is; log to the rule's log file.

    Paths among the params lead to the job's own copies of inputs and outputs. A path to anything else stays as it is, and leads
    nowhere if files come from a store: what a job reads is an input.

    ``check_raw`` is called with the rule's raw files, which no rule may read without.

    An error that input caused ends the script with one clear message, without a traceback.
    """
    rule: Any = vars(sys.modules["__main__"])["snakemake"]
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(rule.threads)
    logging.raiseExceptions = False  # a full disk would add a traceback for every line of the log
    # Jobs run side by side and share the terminal.
    place = "/".join((rule.rule, *rule.wildcards))
    try:
        _log_to(rule.log, place)
        given = located(rule)
        if raw := [path for path in rule.input if "/downloads/" in path]:
            assert check_raw is not None, f"the script of rule {rule.rule} reads raw files and does not check them"
            check_raw(raw)
        with running.announced(place, "job"), gpus.taken(gpus.visible() if _may_use_gpu(rule) else ()):
            yield given
    except Exception as error:
        told = machine_fault(error) or error
        if not isinstance(told, MtbkdError | OSError):
            log.exception("unexpected error: please report it with this log")
            raise
        log.error("error: %s", told)
        sys.exit(1)


def _may_use_gpu(rule: Any) -> bool:
    """Whether the rule asks for a GPU, or may find one: `device: auto` asks for none and takes what there is."""
    gpu = rule.resources.get("gpu")
    return gpu is not None and (gpu > 0 or rule.params.spec.get("device") == "auto")


def results_of(rule: Any) -> Path:
    """The results tree that this job sees: ``results``, or the local copies of a store's files, beside its outputs."""
    path = str(rule.output[0])
    return Path("results" if path.startswith("results/") else f"{path.rpartition('/results/')[0]}/results")


def located(rule: Any) -> SimpleNamespace:
    """Input, output, wildcards and params of a job; params name its own copies of files and of their folders."""
    root, params = results_of(rule).parent, dict(rule.params.items())
    if root != Path():
        files = [Path(file) for file in (*rule.input, *rule.output)]
        known = {*files, *(folder for file in files for folder in file.parents)}
        copies = {str(path.relative_to(root)): str(path) for path in known if root in path.parent.parents}
        params = {name: relocated(value, copies) for name, value in params.items()}
    return SimpleNamespace(input=rule.input, output=rule.output, wildcards=rule.wildcards, params=SimpleNamespace(**params))


def own_copies(rule: Any) -> dict[str, str]:
    """Path of a user's file, as config.yaml has it -> the copy that this job reads; empty where they are the same."""
    named = own_paths(rule.params.spec["settings"])
    return {path: file for path, file in zip(named, rule.input.own, strict=True) if path != file}


def _log_to(files: Iterable[str], place: str) -> None:
    """Log to the terminal and to ``files``."""
    told = f"%(asctime)s {place} %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=told, handlers=[logging.StreamHandler(sys.stderr)], force=True)
    for noisy in ("arviz", "jax", "matplotlib", "fontTools", "numba", "pymc", "pytensor"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for path in files:
        handler = logging.FileHandler(path, mode="w", encoding="utf-8")
        handler.setFormatter(logging.Formatter(told))
        logging.getLogger().addHandler(handler)
