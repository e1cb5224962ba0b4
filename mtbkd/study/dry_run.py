"""What a dry run prints of a job: what it would make, and why; of long lists of files, the first ones.

Snakemake prints every file up to three times: as an input, as an output and in a reason. In a large study those are hundreds of
kilobytes that nobody reads.
"""

import copy
import logging
import re

SHOWN = 3
MISSING = "Missing output files"
NAMES_FILES = re.compile(f"({MISSING}|Incomplete output files|Updated input files|Input files updated by another job): ([^;]*)")
# What matters only while the job runs, or stands in the paths of its outputs; each as Snakemake leaves it out.
LEFT_OUT = {"input": [], "log": [], "jobid": None, "benchmark": None, "wildcards": {}, "threads": 1, "resources": {}}


def first_of(files: list[str], shown: int = SHOWN) -> str:
    """The first files of a list, and how many more there are."""
    return ", ".join(files[:shown]) + (f" and {len(files) - shown} more" if len(files) > shown else "")


def brief_reason(reason: str, output: list[str]) -> str:
    """A job's reason with short lists of files; no other where all of its ``output`` is missing, which is printed above it."""
    found = {kind: files.split(", ") for kind, files in NAMES_FILES.findall(reason)}
    if sorted(found.get(MISSING, [])) == sorted(output) != []:
        return MISSING
    return NAMES_FILES.sub(lambda part: f"{part[1]}: {first_of(sorted(found[part[1]]), 1)}", reason)


def brief(record: logging.LogRecord) -> logging.LogRecord:
    """Snakemake's record of a job without what a dry run need not show; any other record as it is.

    A filter of one handler: others still get the whole record.
    """
    job = vars(record)
    if "reason" not in job:
        return record
    short, output = copy.copy(record), job["output"]
    vars(short).update(LEFT_OUT, output=[first_of(output)] if output else [], reason=brief_reason(job["reason"], output))
    return short
