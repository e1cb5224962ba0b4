"""Rule ``search``: try the settings of teachers or students that a paper does not print."""

from mtbkd.job import job
from mtbkd.search.run import search_file

if __name__ == "__main__":
    with job() as rule:
        search_file(rule.params.spec, rule.output[0])
