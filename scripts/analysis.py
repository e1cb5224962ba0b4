"""Rules ``analysis_<name>``: one question that a study asks besides its experiments."""

from mtbkd.analyses.run import analysis_files
from mtbkd.job import job

if __name__ == "__main__":
    with job() as rule:
        analysis_files(rule.params.spec, dict(rule.output.items()))
