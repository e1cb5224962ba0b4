"""GPU check: does everything run on a GPU with the same results, and how much faster? Used by ``make gpu-check``.

Each part is measured by itself: one that fails is recorded with its error and stops none of the others. A part that needs what
is not installed says what. With ``device`` cpu everything runs on the CPU with small sizes: a rehearsal that says nothing of a
GPU.
"""

import datetime
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mtbkd.base.device import resolve_device
from mtbkd.base.errors import ConfigError
from mtbkd.base.reading import read_json
from mtbkd.base.writing import write_json
from mtbkd.bench.gpu import agreement, elsewhere, page, speed, teachers
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.bench.process import ROOT

log = logging.getLogger(__name__)

PARTS: dict[str, Callable[[str, Sizes], Any]] = {
    "densities": agreement.densities,
    "known": agreement.known,
    "fits": agreement.fits,
    "teachers": teachers.families,
    "tests": elsewhere.tests,
    "nuts": elsewhere.nuts,
    "samplers": speed.samplers,
    "graphs": speed.graphs,
    "images": speed.images,
    "study": elsewhere.study,
}
ASIDE = ("tests", "nuts")  # in processes of their own, one after the other, beside the parts that compare
DOCS = ROOT / "docs"


def run(device: str, out: Path, parts: Sequence[str] = tuple(PARTS)) -> bool:
    """Measure ``parts`` and write ``gpu.json`` and ``gpu.md`` into ``out`` after each; is all as it should be?

    Some parts alone replace those of the last run on such a machine in ``out``, whose other parts stay.

    Raises:
        ContractError: no CUDA device where one is asked for.
        ConfigError: an unknown part.
    """
    if unknown := set(parts) - set(PARTS):
        raise ConfigError(f"--parts: found {', '.join(sorted(unknown))}; allowed: {', '.join(PARTS)}.")
    device, sizes = resolve_device(device), Sizes.of(device)
    machine, command = elsewhere.machine(device), f"scripts/gpu_check.py --device {device}"
    if set(parts) == set(PARTS):
        result: dict[str, Any] = {"machine": machine | {"command": command}}
    else:
        result = _resumed(out / "gpu.json", machine, f"{command} --parts {' '.join(parts)}")
    with ThreadPoolExecutor(1) as aside:
        begun = {name: aside.submit(_measured, name, device, sizes) for name in parts if name in ASIDE}
        for name in parts:
            result[name] = begun[name].result() | {"aside": True} if name in begun else _measured(name, device, sizes)
            write_json(out / "gpu.json", result)
            (out / "gpu.md").write_text(page.text(read_json(out / "gpu.json")), encoding="utf-8")
            print(f"{name}: {page.verdict(result[name])}, {result[name]['seconds']} s", flush=True)
    return all(page.verdict(result[name]) != "FAILS" for name in parts)


def _measured(name: str, device: str, sizes: Sizes) -> dict[str, Any]:
    """What a part found, or the error that it ended with, and when."""
    began = time.monotonic()
    try:
        found: dict[str, Any] = {"found": PARTS[name](device, sizes)}
    except Exception as error:
        log.error("%s", traceback.format_exc())
        found = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    return found | {"seconds": round(time.monotonic() - began, 1), "date": datetime.date.today().isoformat()}


def _resumed(file: Path, machine: dict[str, Any], command: str) -> dict[str, Any]:
    """What ``file`` holds, if it is of such a machine, with ``command`` beside those that made it."""
    found = read_json(file) if file.is_file() else {"machine": {}}
    if {**found["machine"], "date": "", "command": ""} != {**machine, "date": "", "command": ""}:
        return {"machine": machine | {"command": command}}
    return found | {"machine": found["machine"] | {"command": f"{found['machine']['command']}`, then `{command}"}}
