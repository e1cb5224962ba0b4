"""GPU: is there one, may it be used, and can the driver run what torch was built for?"""

import os
import re
from importlib.util import find_spec
from pathlib import Path

from mtbkd.base.device import VISIBLE
from mtbkd.base.gpus import visible
from mtbkd.serving.doctor.finding import Asked, Finding, answer

# The lowest driver that runs a CUDA of this major number (CUDA release notes, "minor version compatibility").
DRIVERS = {11: 450, 12: 525, 13: 580}
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")


def gpu(asked: Asked) -> Finding:
    """What `device` of the configuration will find on this machine."""
    device = asked.config.device if asked.config else "auto"
    if device == "cpu":
        return Finding("GPU", "ok", "device: cpu needs none")
    if asked.executor != "local":
        return Finding("GPU", "ok", "that of the nodes: run `mtbkd doctor` in a job to check it")
    told, why = answer(QUERY)
    built = cuda_of_torch()
    if why == "not installed" and device == "auto":
        return Finding("GPU", "ok", "none: fits run on the CPU (device: auto)")
    wrong, hint = _wrong(told, why, built)
    if wrong:
        bad = "fails" if device == "cuda" else "warning"
        return Finding("GPU", bad, wrong + ("" if device == "cuda" else "; fits would run on the CPU"), hint)
    names = (told or "").splitlines()
    usable = len(visible()) if VISIBLE in os.environ else len(names)
    name, driver = names[0].rsplit(",", 1)
    resources = f"; --resources gpu={usable} uses all" if usable > 1 else ""
    return Finding("GPU", "ok", f"{usable} x {name}, driver{driver} for torch's CUDA {built}{resources}")


def _wrong(told: str | None, why: str, built: str) -> tuple[str, str]:
    """What keeps torch from the GPU, and the hint; empty where nothing does."""
    if told is None:
        return f"the driver does not answer (nvidia-smi: {why})", "install or restart NVIDIA's driver, or set device: cpu"
    if not told:
        return "the driver finds no GPU", "set device: cpu"
    if not built:
        return "torch is built without CUDA", "install torch with CUDA (`make setup` does), or set device: cpu"
    if VISIBLE in os.environ and not visible():
        return f"{VISIBLE} is '{os.environ[VISIBLE]}', which hides all GPUs", f"unset {VISIBLE}, or set device: cpu"
    driver, major = told.splitlines()[0].rsplit(",", 1)[1].strip(), int(built.split(".")[0])
    least = DRIVERS.get(major)
    if least and int(driver.split(".")[0]) < least:
        return f"driver {driver} is too old for torch's CUDA {built}", f"install driver {least} or later, or set device: cpu"
    return "", ""


def cuda_of_torch() -> str:
    """The CUDA that the installed torch was built for, read without importing it; empty for a build without."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    found = re.search(r"^cuda\b.*=\s*'([\d.]+)'", text, re.MULTILINE)
    return found[1] if found else ""
