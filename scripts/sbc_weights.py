"""Simulation-based calibration of full Bayes over the teachers' weights; about three seconds of CPU a data set."""

import argparse

from mtbkd.questions.exact.sbc_weights import ranks, told

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-mass", action="store_true", help="leave -log Z(w) out: what a wrong posterior looks like")
    asked = parser.parse_args()
    print("\n".join(told(ranks(asked.datasets, asked.seed, not asked.without_mass))))
