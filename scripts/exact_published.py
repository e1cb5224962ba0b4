"""Rule ``published``: the conjugate student beside what its paper prints."""

from mtbkd.base.job import job
from mtbkd.questions.exact.published import compare_files

if __name__ == "__main__":
    with job() as rule:
        compare_files(rule.params.spec["conjugate"], rule.params.spec["seed"], rule.output[0])
