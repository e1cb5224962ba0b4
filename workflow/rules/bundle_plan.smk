# Which students are taken along, and what making one reads. What comes in: PLAN and what figures know of the experiments. What
# goes out: BUNDLED_QUESTIONS, and functions for the file that follows.
from dataclasses import replace
from types import SimpleNamespace


def bundle_place(experiment, method):
    """The two files of a bundle."""
    return [f"{STUDY}/bundles/{experiment}/{method}/{name}" for name in ("student.safetensors", "card.json")]


def first_block(wildcards):
    """The wildcards of a fit of the first block."""
    experiment, method = wildcards.experiment, wildcards.method
    return SimpleNamespace(experiment=experiment, method=method, block=PLAN.experiments[experiment].blocks[0])


def bundle_inputs(wildcards):
    """What a fit reads."""
    return student_inputs(first_block(wildcards))


def bundle_files():
    """The bundles that the study makes by itself: of the multi-teacher posterior, or of what is nearest to it."""
    found = []
    for e in FIGURE_EXPERIMENTS:
        drawn = {name: e.methods[name] for name in e.methods_of("chains", "independent")}
        if drawn and PLAN.experiments[e.name].data.settings.get("encoders"):
            # Without the columns of published tables: the paper's short schedule is no posterior to answer from.
            found += bundle_place(e.name, replace(e, methods=drawn, columns={}).main_method)
    return found


BUNDLED_QUESTIONS = [q for q in PLAN.questions.values() if registry.companion_name(q.kind, "bundling")]


def bundling_package(question):
    """Hash of the sources that a bundle of a question depends on."""
    return package(
        registry.companion_name(question.kind, "bundling"), *(registry.module_name(*u) for u in question.uses)
    )
