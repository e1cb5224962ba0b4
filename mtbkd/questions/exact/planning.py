"""What the judging of each method depends on: its inference and the optimiser, nothing of a posterior."""

from typing import Any

from mtbkd.base.settings import dump, merged, settings_of
from mtbkd.questions.exact.spec import Settings, Spec
from mtbkd.study.asked import Asked
from mtbkd.study.questions import Part, Resolved


def resolve(asked: Asked) -> Resolved:
    """One part a method."""
    settings: Settings = asked.settings
    training = dump(merged(asked.config.training, asked.study.training, asked.question.training))
    parts = {name: _part(asked, settings, name, training) for name in settings.methods}
    return Resolved(dump(settings), {"methods": parts})


def _part(asked: Asked, settings: Settings, name: str, training: dict[str, Any]) -> Part:
    method = asked.config.methods[name]
    spec = Spec.model_validate({
        "method": name,
        "inference": method.inference,
        "settings": dump(settings_of("inference", method.inference, method.settings)),
        "training": training,
        "sbc_datasets": settings.sbc_datasets,
        "conjugate": dump(settings.conjugate),
        "seed": asked.config.seed,
    })  # fmt: skip
    return Part(dump(spec), uses=(("inference", method.inference),))
