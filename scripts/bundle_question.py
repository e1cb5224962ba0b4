"""Rules ``bundle_<question>``: one student of a question to take along."""

from pathlib import Path

from mtbkd.base import registry
from mtbkd.base.job import job

if __name__ == "__main__":
    with job() as rule:
        bundling = registry.companion(rule.params.spec["kind"], "bundling")
        assert bundling is not None, "the rule exists for kinds that have one"
        bundling.bundle_files(rule.params.spec, rule.params.study, rule.wildcards.method, Path(rule.output[0]).parent)
