"""The words of the page, explained in one place: the glossary, hints of metrics, and explanations beside words in the text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

HIGHER, LOWER, ZERO = "higher is better", "lower is better", "0 is best"
METRICS = {
    "accuracy": ("Accuracy", HIGHER, "share of test examples whose most probable class is correct"),
    "nll": ("NLL", LOWER, "negative log-likelihood of the true class, mean over examples, in nats"),
    "brier": ("Brier", LOWER, "squared distance between the probabilities and the one-hot label"),
    "ece": ("ECE", LOWER, "expected calibration error: mean absolute difference between confidence and accuracy"),
    "aurc": ("AURC", LOWER, "area under the risk-coverage curve: mean error rate as the least certain examples are rejected"),
    "ood_auroc": ("OOD AUROC", HIGHER, "probability that an out-of-distribution example is less certain than a test example"),
    "mse_prob": ("MSE to true p", LOWER, "squared error relative to the true probabilities of the simulation"),
    "mae_prob": ("MAE to true p", LOWER, "absolute error relative to the true probabilities of the simulation"),
}


@dataclass(frozen=True)
class Term:
    """An entry.

    Attributes:
        id: its place in the glossary is ``term-<id>``, the explanation beside a word ``tip-<id>``.
        title: the word or words it explains.
        text: the explanation; plain words.
        words: how the text calls it, as a regular expression; "" where no word is marked.
    """

    id: str
    title: str
    text: str
    words: str = ""


TERMS: tuple[Term, ...] = (
    Term("teacher", "Teacher, student, distillation",
         "Teachers are pretrained models whose class probabilities on the training examples are known. A student is a "
         "smaller model fitted to labels and teachers jointly.", r"[Dd]istillation|[Dd]istilled students?"),
    Term("method", "Method",
         "Signal \N{MULTIPLICATION SIGN} weights \N{MULTIPLICATION SIGN} inference. Signal: how teachers enter (none: "
         "labels only; kd: as soft labels; tip: as a teacher-informed prior; bkd: the same with one teacher). "
         "Weights: how much each teacher counts (equal; entropy: more where its prediction is confident). Inference: "
         "how the posterior is computed (map: a single maximum a posteriori estimate; sgld and nuts: Markov chains; "
         "vi, advi: variational approximation; dropout: random masks).", r"[Mm]ethods?"),
    Term("tip", "Teacher-informed prior",
         "A prior on the student's class probabilities at each training example: a Dirichlet distribution centred on "
         "the teachers' probabilities, with strength \N{GREEK SMALL LETTER LAMDA}. MT-BKD mixes one such prior per "
         "teacher.",
         r"[Tt]eacher-informed prior|mixture prior|MT-BKD"),
    Term("posterior", "Posterior, draws",
         "The distribution over students given labels and prior, and samples from it. Predictions average over "
         "posterior draws; the spread of the draws is the epistemic uncertainty.", r"[Pp]osteriors?|[Dd]raws"),
    Term("gate", "Gate",
         "A check with a predefined threshold. Gates on the draws ask whether they come from the posterior; the "
         "calibration gate asks whether the credible intervals cover as often as the method expects. Methods that "
         "fail a gate on the draws are not ranked. Neither \"not applicable\" nor \"not judged\" (the algorithm "
         "provides no statistic to judge by) counts as a pass. Methods that claim no posterior, such as dropout and "
         "ensembles, are counted separately. The gate \"optimised\" (has the optimiser of a point estimate "
         "converged?) is informative only: \N{WARNING SIGN} marks a failure, and it does not affect the ranking. All "
         "gates stand under Diagnostics.", r"[Gg]ates?"),
    Term("deviance", "Posterior mean deviance",
         "\N{MINUS SIGN}2 log probability of a class, in expectation over the class probabilities of each draw, "
         "averaged over draws: how surprised the student itself expects to be. Half of it is the mean predictive "
         "entropy over posterior draws, the aleatoric part of the uncertainty. A high value means that several "
         "classes are likely, for example where classes overlap. It does not measure whether the draws disagree, "
         "which is the epistemic part.", r"[Pp]osterior mean deviance"),
    Term("coverage", "Credible interval, coverage, coverage gap",
         "A 90 % credible interval is the set of classes and draws that holds 90 % of the posterior probability; its "
         "coverage is how often the true class falls in it. The gap is the coverage minus the coverage that the "
         "method itself expects: 0 is calibrated, below 0 overconfident. The calibration test asks whether the gap "
         "differs from 0; with many test examples it detects even tiny gaps. The size of the gap, the mean |coverage "
         "gap|, is therefore reported next to the test and called small below 0.01.",
         r"[Cc]redible intervals?|[Cc]overage gap|[Cc]overage|[Cc]alibrat(?:ed|ion)"),
    Term("set", "Prediction set, conformal",
         "Classes named for one example so that the right one is among them at a promised rate. Conformal sets keep the "
         "promise whatever the student, on average over examples drawn as those that calibrated them; credible sets keep "
         "it if the student is calibrated.", r"[Pp]rediction sets?|[Cc]redible sets?|[Cc]onformal sets?"),
    Term("ceiling", "Bayes ceiling",
         "The score of the true probabilities of a simulation. No method can do better, except by chance on a single "
         "test set.",
         r"Bayes ceiling|the ceiling"),
    Term("replicate", "Replicate, paired difference",
         "One repetition of the experiment. All methods of a replicate share data, teachers and starting points, so "
         "differences are paired by replicate.", r"[Rr]eplicates?|[Pp]aired difference"),
    Term("interval", "95 % interval, p, d",
         "The interval that holds the true mean with 95 % confidence; e marks one over test examples. p is that of a "
         "Wilcoxon signed-rank test after Holm's correction; d is the mean difference divided by its standard "
         "deviation; \"detects\" is the true difference that this many replicates find with 80 % power.",
         r"95 % intervals?|Holm's correction"),
    *(
        Term(metric, label, f"{text[0].upper()}{text[1:]}; {end}.", re.escape(label))
        for metric, (label, end, text) in METRICS.items()
    ),
)  # fmt: skip
TAG = re.compile(r"(<[^>]*>)")
# Where no word is marked: links, headings, buttons, code, and what is not read as text.
APART = (
    "a", "abbr", "button", "caption", "code", "dialog", "h1", "h2", "h3", "nav", "pre", "script", "select", "style", "summary",
    "svg", "table",
)  # fmt: skip
NAME = re.compile(r"</?\s*([a-zA-Z0-9]+)")


def explained(html: str, terms: Sequence[Term] = TERMS) -> Markup:
    """``html`` with the first occurrence of each term's words made a button that shows the explanation."""
    left = {term.id: re.compile(rf"(?<![\w-])(?:{term.words})(?![\w-])") for term in terms if term.words}
    out, depth = [], 0
    for part in TAG.split(str(html)):
        if part.startswith("<"):
            named = NAME.match(part)
            if named and named[1].lower() in APART:
                depth += -1 if part.startswith("</") else 1
        elif not depth and part.strip():
            part = _marked(part, left)
        out.append(part)
    return Markup("".join(out))


def _marked(text: str, left: dict[str, re.Pattern[str]]) -> str:
    found = [(match, name) for name, words in left.items() if (match := words.search(text))]
    out, end = [], 0
    for match, name in sorted(found, key=lambda each: (each[0].start(), -each[0].end())):
        if match.start() < end:
            continue
        del left[name]
        out += [text[end : match.start()], f'<button type="button" class="term" popovertarget="tip-{name}">{match[0]}</button>']
        end = match.end()
    return "".join([*out, text[end:]])
