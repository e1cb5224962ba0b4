"""AVER: the mean of the teachers' distillation losses, w_g = 1/G (You et al., KDD 2017).

Its gradient is that of one loss to the teachers' mean probability. Left out: that paper's triplet loss on intermediate layers.
"""

from pydantic import BaseModel, ConfigDict

from mtbkd.questions.baselines.bench import Bench, Trained, equal

TITLE = "AVER"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def train(bench: Bench, settings: Settings) -> Trained:
    """Students of equally weighted teachers."""
    return Trained(bench.follow(equal), equal)
