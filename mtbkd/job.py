"""What every script of the workflow does around its one function call: log file, threads, and errors for people."""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mtbkd.errors import MtbkdError


@contextmanager
def job(log: Sequence[str], threads: int = 1) -> Iterator[logging.Logger]:
    """Log to the rule's log file; end with one clear message, without a traceback, on an error that input caused."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers += [logging.FileHandler(path, mode="w") for path in log]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", handlers=handlers, force=True)
    for noisy in ("pymc", "pytensor", "matplotlib", "fontTools", "numba", "jax"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        yield logging.getLogger("mtbkd")
    except (MtbkdError, OSError) as error:
        logging.getLogger("mtbkd").error("error: %s", error)
        sys.exit(1)
    except Exception:
        logging.getLogger("mtbkd").exception("unexpected error: please report it with this log")
        raise
