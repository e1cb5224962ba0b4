"""Rules ``analysis_<name>``: one question that a study asks besides its experiments."""

from mtbkd.analyses.run import analysis_files
from mtbkd.job import job
from mtbkd.raw_files import check_fetched

if __name__ == "__main__":
    with job(check_fetched) as rule:
        analysis_files(rule.params.spec, dict(rule.output.items()))
