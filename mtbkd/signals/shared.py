"""The settings that all methods share, as signals and posteriors read them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Shared:
    """The settings that all methods share, one value per unit.

    Attributes:
        lam: (U,) concentration lambda of the teacher-informed prior.
        beta: (U,) power on the teacher term.
        prior_scale: (U,) standard deviation s of the Gaussian prior; inf leaves it out.
        teacher_temperature: (U,) divisor of the teachers' logits.
        student_temperature: (U,) divisor of the student's logits in the teacher term.
        temperature: (U,) T of the tempered posterior pi^(1/T), "cold" below 1; None: 1 for all.
        no_teacher: (U,) weight w0 of a component of the mixture that believes no teacher; None: 0 for all.
        kappa: (U,) strength beta lambda where it was given instead of beta. The mixture then leaves out its constant
            log Gamma(K + lambda), which beta = kappa / lambda would blow up where lambda is small.
    """

    lam: "torch.Tensor"
    beta: "torch.Tensor"
    prior_scale: "torch.Tensor"
    teacher_temperature: "torch.Tensor"
    student_temperature: "torch.Tensor"
    temperature: "torch.Tensor | None" = None
    no_teacher: "torch.Tensor | None" = None
    kappa: "torch.Tensor | None" = None

    def take(self, units: "torch.Tensor") -> "Shared":
        """The settings of ``units`` (V,), by their positions."""
        return replace(self, **{name: value[units] for name, value in vars(self).items() if value is not None})
