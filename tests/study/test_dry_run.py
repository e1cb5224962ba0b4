"""What a dry run prints of a job."""

import io
import logging
from typing import Any

from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from mtbkd.study.dry_run import brief

JOB = {
    "event": LogEvent.JOB_INFO,
    "rule_msg": None,
    "rule_name": "evaluate",
    "local": False,
    "is_checkpoint": False,
    "input": ["in/1", "in/2"],
    "output": ["out/1", "out/2", "out/3", "out/4", "out/5"],
    "log": ["log/1"],
    "jobid": 7,
    "benchmark": "times/1",
    "wildcards": {"experiment": "sim1"},
    "priority": 0,
    "threads": 2,
    "resources": {"mem_mb": 4000},
    "reason": "Forced execution",
}
ALL = "Missing output files: out/3, out/1, out/2, out/5, out/4"


def record(**fields: Any) -> logging.LogRecord:
    return logging.makeLogRecord(fields)


def printed(**changed: Any) -> list[str]:
    """The lines that a handler with the filter prints of a job, without the time."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(DefaultFormatter())
    handler.addFilter(brief)
    handler.handle(record(**JOB | changed))
    return stream.getvalue().splitlines()[1:]


def test_a_job_is_its_rule_its_first_outputs_and_its_reason() -> None:
    assert printed() == ["rule evaluate:", "    output: out/1, out/2, out/3 and 2 more", "    reason: Forced execution"]
    assert printed(output=[]) == ["rule evaluate:", "    reason: Forced execution"]


def test_a_job_whose_outputs_are_all_missing_needs_no_other_reason() -> None:
    for more in ("", "; Input files updated by another job: in/1", "; Code has changed since last execution"):
        assert printed(reason=ALL + more)[-1] == "    reason: Missing output files"


def test_a_reason_names_the_first_file_whatever_the_order_and_counts_the_others() -> None:
    reason = "Missing output files: out/2; Updated input files: in/2, in/1; Input files updated by another job: c, b, a"
    assert printed(reason=reason)[-1] == (
        "    reason: Missing output files: out/2; Updated input files: in/1 and 1 more; "
        "Input files updated by another job: a and 2 more"
    )


def test_what_changed_among_the_settings_is_printed_in_full() -> None:
    reason = "Code has changed since last execution; Params have changed since last execution: before: a, b, c; now: d, e"
    assert printed(reason=reason)[-1] == f"    reason: {reason}"


def test_other_handlers_and_other_messages_get_everything() -> None:
    job, other = record(**JOB), record(msg="Building DAG of jobs...", input=["in/1"])
    brief(job)
    assert {name: vars(job)[name] for name in JOB} == JOB
    assert brief(other) is other and vars(other)["input"] == ["in/1"]
