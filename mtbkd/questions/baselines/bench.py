"""What all methods share: the data, the candidates, and the loop that minimises the common objective.

Shapes as in ``mtbkd.questions.baselines``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mtbkd.base.gather import examples_last, positions, take_columns, take_rows
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.base.seeds import derive
from mtbkd.inference.optimise import Ascent, Training
from mtbkd.students import Student, init_ensemble


@dataclass(frozen=True)
class Moment:
    """What weights may depend on at one step of the training.

    Attributes:
        params: (U, P).
        x: (U, m, *inputs); after the training (D, m, *inputs).
        y: int64 (U, m), -1 for unlabelled.
        index: int64 (U, m), positions of the examples in the training split.
        prob: tempered teachers (G, K, U, m).
        logits: of the student, (K, U, m).
        log_q: tempered log-probabilities of the student, (K, U, m).
        step: number of the step, None outside the training: a rule that learns must not learn from it.
    """

    params: "torch.Tensor"
    x: "torch.Tensor"
    y: "torch.Tensor"
    index: "torch.Tensor"
    prob: "torch.Tensor"
    logits: "torch.Tensor"
    log_q: "torch.Tensor"
    step: int | None


# Weights (G, U, m) of the teachers at a moment.
Rule = Callable[[Moment], "torch.Tensor"]


@dataclass(frozen=True)
class Trained:
    """A method's students (U, P), and the rule that weighed their teachers, where there is one."""

    params: "torch.Tensor"
    rule: Rule | None = None


@dataclass(frozen=True)
class Bench:
    """The material of one block of replicates under every candidate.

    Attributes:
        student: the network; ``x`` and ``val_x`` have passed its ``inputs``.
        x: (D, N, *inputs).
        y: int64 (D, N), -1 for unlabelled.
        logits: of the teachers, (D, N, G, K).
        val_x: (D, V, *inputs).
        val_logits: (D, V, G, K).
        data_row: int64 (U,), each unit's row of the data.
        replicates: (U,) numbers of the replicates, for the starting points.
        share: (U,) l, the share of the teachers in the loss.
        temperature: (U,) T.
        prior_scale: (U,) s; inf leaves the Gaussian prior out.
        training: the optimiser; restarts are not used, as not every method has a value to choose by.
        seed: base of all seeds.
        own: candidates (U,) that only the method reads, by name.
    """

    student: Student
    x: "torch.Tensor"
    y: "torch.Tensor"
    logits: "torch.Tensor"
    val_x: "torch.Tensor"
    val_logits: "torch.Tensor"
    data_row: "torch.Tensor"
    replicates: tuple[int, ...]
    share: "torch.Tensor"
    temperature: "torch.Tensor"
    prior_scale: "torch.Tensor"
    training: Training
    seed: int
    own: "Mapping[str, torch.Tensor]" = field(default_factory=dict)

    @property
    def num_teachers(self) -> int:
        return self.logits.shape[2]

    @property
    def units(self) -> "torch.Tensor":
        return torch.arange(len(self.data_row), device=self.x.device)

    def generator(self, purpose: str) -> "torch.Generator":
        """A generator on the device; every method asks for the same purposes and so sees the same minibatches."""
        return torch.Generator(self.x.device).manual_seed(derive(self.seed, purpose, first=self.replicates[0]))

    def start(self, student: Student, purpose: str = "student") -> "torch.Tensor":
        """Starting points (U, P), those that every other method of a replicate starts from."""
        return init_ensemble(student, [derive(self.seed, purpose, replicate=r, chain=0) for r in self.replicates]).to(
            self.x.device
        )

    def tempered(self, logits: "torch.Tensor") -> "torch.Tensor":
        """Teachers at each unit's temperature, (U, n, G, K) laid out for minibatches, of ``logits`` (D, n, G, K)."""
        return examples_last(torch.softmax(logits[self.data_row] / self.temperature.view(-1, 1, 1, 1), -1))

    def labelled(self) -> "torch.Tensor":
        """Positions of the labelled examples (D, n), those of rows with fewer of them repeated; n = 0 without any."""
        places = [torch.nonzero(row >= 0).flatten() for row in self.y]
        size = max(len(own) for own in places) if all(len(own) for own in places) else 0
        return torch.stack([own.repeat(1 + size // len(own))[:size] if size else own[:0] for own in places])

    def predict(self, params: "torch.Tensor", x: "torch.Tensor", student: Student | None = None) -> "torch.Tensor":
        """Logits (U, n, K) of every unit on its row of ``x`` (D, n, *inputs), unit by unit to bound the memory."""
        network, rows = student or self.student, self.data_row.tolist()
        with torch.no_grad():
            return torch.cat([network.apply(params[u : u + 1], x[row : row + 1]) for u, row in enumerate(rows)])

    def moment(self, params: "torch.Tensor") -> Moment:
        """All training examples at once, after the training."""
        index = torch.arange(self.x.shape[1], device=self.x.device).expand(len(params), -1)
        logits = self.predict(params, self.x).movedim(-1, 0).contiguous()
        prob = self.tempered(self.logits).permute(2, 3, 0, 1)
        log_q = torch.log_softmax(logits / self.temperature.view(-1, 1), 0)
        return Moment(params, self.x, self.y[self.data_row], index, prob, logits, log_q, None)

    def follow(
        self,
        rule: Rule,
        *,
        student: Student | None = None,
        start: "torch.Tensor | None" = None,
        prob: "torch.Tensor | None" = None,
        share: "torch.Tensor | None" = None,
    ) -> "torch.Tensor":
        """Parameters (U, P) that minimise the common objective under ``rule``.

        Args:
            rule: the weights.
            student: in place of the bench's.
            start: (U, P), in place of the student's starting points.
            prob: tempered teachers (U, N, G, K), see ``tempered``, in place of the bench's.
            share: (U,), in place of the bench's.
        """
        network = student or self.student
        params = self.start(network) if start is None else start.clone()
        prob = self.tempered(self.logits) if prob is None else prob
        ascent = Ascent(params, self.training.learning_rate, self.training.steps)
        warmup = max(1.0, self.training.signal_warmup * self.training.steps)
        generator, labelled = self.generator("baselines minibatch"), self.labelled()
        decay = 1 / (self.prior_scale**2 * max(1, labelled.shape[1])).unsqueeze(-1)
        with torch.no_grad():
            for step in steps(range(self.training.steps), f"{len(params)} students"):
                index = self._minibatch(labelled, generator)
                own = self.share if share is None else share
                grad = self._descent(network, params, index, rule, prob, own, min(1.0, (step + 1) / warmup), step)
                ascent.step(grad - decay * params)
        return params

    def _minibatch(self, labelled: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        """Positions (U, m); where some examples have no label, half of them are drawn from those that have one."""
        units, n = len(self.data_row), self.x.shape[1]
        size = min(self.training.batch_size, n)
        first = size // 2 if 0 < labelled.shape[1] < n else 0
        rest = torch.randint(n, (units, size - first), generator=generator, device=self.x.device)
        if not first:
            return rest
        drawn = torch.randint(labelled.shape[1], (units, first), generator=generator, device=self.x.device)
        return torch.cat([labelled[self.data_row.unsqueeze(-1), drawn], rest], 1)

    def _descent(
        self, student: Student, params: "torch.Tensor", index: "torch.Tensor", rule: Rule, prob: "torch.Tensor",
        share: "torch.Tensor", power: float, step: int,
    ) -> "torch.Tensor":  # fmt: skip
        """Minus the gradient (U, P) of the labels' and teachers' terms; ``power`` in [0, 1] multiplies the teachers' one."""
        n = self.x.shape[1]
        at, size = positions(self.data_row, index, n), index.shape[1]
        x, y = take_rows(self.x, at), take_rows(self.y, at)
        taught = take_columns(prob, positions(self.units, index, n)).permute(2, 3, 0, 1)

        def pull(logits: "torch.Tensor") -> "torch.Tensor":
            front, temperature = logits.movedim(-1, 0).contiguous(), self.temperature.view(-1, 1)
            log_q = torch.log_softmax(front / temperature, 0)
            weights = rule(Moment(params, x, y, index, taught, front, log_q, step))
            followed = (weights.unsqueeze(1) * taught).sum(0) - weights.sum(0) * log_q.exp()
            known = (y >= 0).to(front.dtype)
            classes = torch.arange(len(front), device=y.device).view(-1, 1, 1)
            right = (y == classes).to(front.dtype) - known * torch.softmax(front, 0)
            right = right * ((1 - share) / known.sum(-1).clamp(min=1)).unsqueeze(-1)
            teachers = followed * (power * share * self.temperature / size).unsqueeze(-1)
            return (right + teachers).movedim(0, -1).contiguous()

        return student.vjp(params, x, pull)


def fixed(table: "torch.Tensor", data_row: "torch.Tensor") -> Rule:
    """Weights that depend on the example alone, of ``table`` (D, N, G); they need not sum to 1."""

    def rule(moment: Moment) -> "torch.Tensor":
        return table[data_row.unsqueeze(-1), moment.index].movedim(-1, 0)

    return rule


def equal(moment: Moment) -> "torch.Tensor":
    """1/G for every teacher and example."""
    teachers = len(moment.prob)
    return torch.full_like(moment.prob[:, 0], 1 / teachers)
