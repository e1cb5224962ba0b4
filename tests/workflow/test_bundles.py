"""Students to take along: made when they are asked for, and by themselves where proteins are read."""

import pytest

from mtbkd.serving.bundle import Bundle
from tests.workflow.conftest import Checkout, Smoke

pytestmark = pytest.mark.workflow
PLACE = "results/smoke/bundles/sim1/tip_entropy_sgld_tiny"


def test_a_student_is_made_when_its_card_is_asked_for(smoke: Smoke) -> None:
    target = ("--config", "study=smoke", "--", f"{PLACE}/card.json")
    assert [job.rule for job in smoke.checkout.dry_run(*target)] == ["bundle"]
    smoke.checkout.snakemake("--cores", "all", *target)
    card = Bundle.read(smoke.checkout.root / PLACE).card
    assert (card.study, card.experiment, card.method) == ("smoke", "sim1", "tip_entropy_sgld_tiny")
    assert not card.inputs.encoders and card.draws > 1
    assert not smoke.checkout.dry_run(*target)


def test_a_study_on_proteins_makes_students_with_intervals_by_itself(fresh: Checkout) -> None:
    made = [job.output for job in fresh.dry_run("--config", "study=protein") if job.rule == "bundle"]
    assert made and all("/bundles/" in output and "_map/" not in output for output in made)
    several = fresh.dry_run("--config", "study=protein", "--", "results/protein/bundles/locations/tip_entropy_sgld/card.json")
    assert [job.rule for job in several if "bundle" in job.rule] == ["bundle_locations"]
