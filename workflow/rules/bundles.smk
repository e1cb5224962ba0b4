# Students to take along, for `mtbkd predict`. What comes in: what a fit of the method reads. What goes out: draws of the weights
# and a card, results/<study>/bundles/<experiment>/<method>/{student.safetensors,card.json}. A study on protein chains makes
# one an experiment that has methods with several draws; others are made when they are asked for by name.
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
    """What a fit reads, and the package sources that make a bundle of it."""
    spec = PLAN.experiments[wildcards.experiment].methods[wildcards.method]
    parts = [("student", spec["student"]["architecture"]), ("signal", spec["signal"]["name"])]
    parts += [("inference", spec["inference"]["name"])] + ([("weights", spec["weights"])] if spec["weights"] else [])
    package = sources("mtbkd.serving.making", *(registry.module_name(kind, name) for kind, name in parts))
    return {**student_inputs(first_block(wildcards)), "package": package}


def bundle_files():
    """The bundles that the study makes by itself: of the multi-teacher posterior, or of what is nearest to it."""
    found = []
    for e in FIGURE_EXPERIMENTS:
        drawn = {name: e.methods[name] for name in e.methods_of("chains", "independent")}
        if drawn and PLAN.experiments[e.name].data.settings.get("encoders"):
            # Without the columns of published tables: the paper's short schedule is no posterior to answer from.
            found += bundle_place(e.name, replace(e, methods=drawn, columns={}).main_method)
    return found


rule bundle:
    """Fit a method once more, keep its weights, and measure what the card says of them."""
    input:
        unpack(bundle_inputs),
    output:
        bundle_place("{experiment}", "{method}"),
    log:
        f"{STUDY}/logs/bundle/{{experiment}}/{{method}}.log",
    benchmark:
        f"{STUDY}/benchmarks/bundle/{{experiment}}/{{method}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        gpu=GPU,
    params:
        study=PLAN.study,
        spec=lambda wildcards: PLAN.experiments[wildcards.experiment].methods[wildcards.method],
        logits=lambda wildcards: student_logits(first_block(wildcards)),
    script:
        "../../scripts/bundle.py"
