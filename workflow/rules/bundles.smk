# Students to take along, for `mtbkd predict`. What comes in: what a fit of the method reads. What goes out: draws of the weights
# and a card, results/<study>/bundles/<experiment>/<method>/{student.safetensors,card.json}. A study on protein chains makes
# one an experiment that has methods with several draws; others are made when they are asked for by name, among them students of
# questions whose kind has a module `bundling`: results/<study>/bundles/<question>/<method>/.


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
    wildcard_constraints:
        experiment="|".join(PLAN.experiments) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=fit_mb,
        runtime=fit_minutes,
        gpu=GPU,
    params:
        study=PLAN.study,
        spec=method_spec,
        package=lambda wildcards: fit_package("mtbkd.serving.making", method_spec(wildcards)),
        logits=lambda wildcards: student_logits(first_block(wildcards)),
    script:
        "../../scripts/bundle.py"


for question in BUNDLED_QUESTIONS:

    rule:
        """Fit a method of a question once more, keep its weights, and measure what the card says of them."""
        name:
            f"bundle_{question.name}"
        input:
            **question_inputs(question),
        output:
            bundle_place(question.name, "{method}"),
        log:
            f"{STUDY}/logs/bundle/{question.name}/{{method}}.log",
        benchmark:
            f"{STUDY}/benchmarks/bundle/{question.name}/{{method}}.tsv"
        wildcard_constraints:
            method="|".join(question.content["methods"]),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt, question=question: question_mb(question, attempt),
            runtime=lambda wildcards, attempt, question=question: question_minutes(question, attempt),
            gpu=GPU,
        params:
            study=PLAN.study,
            spec=question_spec(question),
            package=bundling_package(question),
        script:
            "../../scripts/bundle_question.py"
