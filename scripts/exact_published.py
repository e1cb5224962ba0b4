"""Rule ``published``: the conjugate student beside what its paper prints."""

from mtbkd.exact.published import compare_files
from mtbkd.job import job

if __name__ == "__main__":
    with job() as rule:
        compare_files(rule.params.spec["conjugate"], rule.params.spec["seed"], rule.output[0])
