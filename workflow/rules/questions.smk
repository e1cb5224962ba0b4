# Questions. What comes in: a dataset, teachers' logits and draws, as far as the kind reads them. What goes out: the tables of
# each question, results/<study>/questions/<question>/<table>.parquet. Two rules for each, as their tables differ; only for
# studies with the key `questions`. A kind may split its work into parts, a job each or one a block, whose tables are kept beside
# its own, questions/<question>/<step>/<part>/[<block>/]<table>.parquet, and joined by the question's rule.

for question in PLAN.questions.values():

    rule:
        """Answer one question of the study, or join its parts."""
        name:
            f"question_{question.name}"
        input:
            **question_inputs(question),
        output:
            **question_tables(question),
        log:
            f"{STUDY}/logs/question/{question.name}.log",
        benchmark:
            f"{STUDY}/benchmarks/question/{question.name}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt, question=question: question_mb(question, attempt),
            runtime=lambda wildcards, attempt, question=question: question_minutes(question, attempt),
            gpu=0 if question.parts else GPU,
        params:
            spec=question_spec(question),
            package=question_package(question),
        script:
            "../../scripts/question.py"

    for step in question.parts:

        rule:
            """Compute one part of a question that takes long."""
            name:
                f"part_{question.name}_{step}"
            input:
                unpack(part_inputs(question, step)),
            output:
                **{
                    t: f"{STUDY}/questions/{part_place(question, step)}/{t}.parquet"
                    for t in step_of(question, step).tables
                },
            log:
                f"{STUDY}/logs/question/{part_place(question, step)}.log",
            benchmark:
                f"{STUDY}/benchmarks/question/{part_place(question, step)}.tsv"
            wildcard_constraints:
                part="|".join(question.parts[step]),
            conda:
                ENVIRONMENT
            threads: 1
            resources:
                mem_mb=lambda wildcards, attempt, question=question: question_mb(question, attempt),
                runtime=lambda wildcards, attempt, question=question: question_minutes(question, attempt),
                gpu=GPU if step_of(question, step).gpu else 0,
            params:
                spec=part_spec(question, step),
                package=part_package(question, step),
            script:
                "../../scripts/question.py"
