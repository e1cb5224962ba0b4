"""All checks together: none stops another, and none is waited for longer than ``PATIENCE``."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from mtbkd.base import suite
from mtbkd.base.errors import ContractError, MtbkdError, nearest
from mtbkd.serving.doctor import downloads, executors, folders, gpu, machine, stores, versions
from mtbkd.serving.doctor.finding import Asked, Finding
from mtbkd.study import config as study_config
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration

Check = Callable[[Asked], "Finding | Iterable[Finding] | None"]
CHECKS: tuple[Check, ...] = (
    versions.versions, folders.disk, machine.memory, folders.writable, folders.locks, folders.clock, folders.sharing,
    machine.compiled_code, gpu.gpu, executors.plugins, executors.slurm, executors.kubernetes, stores.storage,
    downloads.downloads,
)  # fmt: skip
PATIENCE = 15.0  # seconds for all checks, which run side by side: a dead network disk never answers
REPORT = "report this with the command that you ran"


def examine(
    folder: Path, study: str | None = None, profile: str | None = None, checks: Iterable[Check] = CHECKS
) -> list[Finding]:
    """What a run of ``study`` in ``folder`` with ``profile`` will meet, in the order of ``checks``.

    Raises:
        ContractError: no such profile.
    """
    options = {} if profile is None else read_profile(profile, folder)
    asked, found = _asked(folder, study, options)
    results: dict[Check, list[Finding]] = {}
    threads = {check: threading.Thread(target=_run, args=(check, asked, results), daemon=True) for check in checks}
    for thread in threads.values():
        thread.start()
    until = time.monotonic() + PATIENCE
    for thread in threads.values():
        thread.join(max(0.0, until - time.monotonic()))
    for check in threads:
        silent = Finding(_name(check), "fails", f"no answer in {PATIENCE:g} s", "a disk or a server hangs")
        found += results.get(check, [silent])
    return found


def _run(check: Check, asked: Asked, results: dict[Check, list[Finding]]) -> None:
    found: list[Finding] = []
    try:
        said = check(asked)
        found.extend([said] if isinstance(said, Finding) else said or ())
    except (MtbkdError, OSError) as error:
        text, _, hint = str(error).partition(" Hint: ")
        found.append(Finding(_name(check), "fails", text.rstrip("."), hint.rstrip(".")))
    except Exception as error:
        found.append(Finding(_name(check), "fails", f"the check itself failed ({type(error).__name__}: {error})", REPORT))
    results[check] = found


def _name(check: Check) -> str:
    return check.__name__.replace("_", " ")


def _asked(folder: Path, study: str | None, profile: dict[str, Any]) -> tuple[Asked, list[Finding]]:
    """The run, and a line on its configuration, which Snakemake will read in the same way."""
    try:
        own = [folder / "config.yaml"] if (folder / "config.yaml").is_file() else []
        more = [_file(name, folder) for name in profile.get("configfile", ())]
        config = study_config.load(read_configuration([*own, *more]), study)
        plan = make_plan(config)
    except MtbkdError as error:
        first, *rest = map(str.strip, str(error).splitlines())  # of several mistakes the first line gives the number
        lines = [line.partition(" Hint: ") for line in rest or [first]]
        return Asked(folder, profile=profile), [Finding("study", "fails", text.rstrip("."), hint) for text, _, hint in lines]
    said = f"{plan.study}: {len(plan.experiments)} experiments, {len(plan.questions)} questions, device: {plan.device}"
    return Asked(folder, config, plan, profile), [Finding("study", "ok", said)]


def read_profile(name: str, folder: Path) -> dict[str, Any]:
    """The options of a profile of the suite, by name, or of one's own, by its folder."""
    shipped = suite.root() / "workflow" / "profiles"
    for place in (folder / name, shipped / name):
        if (file := place / "config.yaml").is_file():
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ContractError(file, "content", type(content).__name__, "options of snakemake")
            return content
    known = sorted(path.name for path in shipped.iterdir())
    hint = nearest(name, known)
    raise ContractError("--profile", "value", f"'{name}'", f"one of {', '.join(known)}, or a folder with a config.yaml", hint)


def _file(name: str, folder: Path) -> Path:
    """Snakemake reads a profile's paths from where it starts; the suite's own lie beside the suite elsewhere."""
    return folder / name if (folder / name).is_file() else suite.root() / name
