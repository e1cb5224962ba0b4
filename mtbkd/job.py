"""What every script of the workflow does around its one function call: log file, threads, and errors for people."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mtbkd import running
from mtbkd.errors import MtbkdError

log = logging.getLogger(__name__)


@contextmanager
def job() -> Iterator[Any]:
    """Yield the object ``snakemake`` that a rule's script is given; log to the rule's log file.

    An error that input caused ends the script with one clear message, without a traceback.
    """
    rule: Any = vars(sys.modules["__main__"])["snakemake"]
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(rule.threads)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers += [logging.FileHandler(path, mode="w") for path in rule.log]
    # Jobs run side by side and share the terminal.
    place = "/".join((rule.rule, *rule.wildcards))
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {place} %(name)s: %(message)s", handlers=handlers, force=True)
    for noisy in ("arviz", "jax", "matplotlib", "fontTools", "numba", "pymc", "pytensor"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        with running.announced(place, "job"):
            yield rule
    except (MtbkdError, OSError) as error:
        log.error("error: %s", error)
        sys.exit(1)
    except Exception:
        log.exception("unexpected error: please report it with this log")
        raise
