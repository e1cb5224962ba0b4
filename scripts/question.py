"""Rules ``question_<name>`` and ``part_<name>_<step>``: one question that a study asks besides its experiments, or a part."""

from mtbkd.base.job import job
from mtbkd.data.raw_files import check_fetched
from mtbkd.questions.run import question_files

if __name__ == "__main__":
    with job(check_fetched) as rule:
        question_files(rule.params.spec, dict(rule.output.items()))
