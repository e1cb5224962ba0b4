"""Rule ``search``: try the settings of teachers or students that a paper does not print."""

from mtbkd.base.job import job
from mtbkd.questions.search.run import search_file

if __name__ == "__main__":
    with job() as rule:
        search_file(rule.params.spec, rule.output[0])
