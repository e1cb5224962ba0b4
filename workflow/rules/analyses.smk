# Analyses. What comes in: a dataset, teachers' logits and draws, as far as the kind reads them. What goes out: the tables of
# each analysis, results/<study>/analyses/<analysis>/<table>.parquet. One rule each, as their tables differ; only for studies
# with the key `analyses`. A long analysis is computed in parts, a job each, whose tables are kept beside its own,
# analyses/<analysis>/parts/<part>/<table>.parquet, and joined by its rule.

for analysis in PLAN.analyses.values():

    rule:
        """Answer one question that the study asks besides its experiments."""
        name:
            f"analysis_{analysis.name}"
        input:
            **analysis_inputs(analysis),
        output:
            **analysis_tables(analysis),
        log:
            f"{STUDY}/logs/analysis/{analysis.name}.log",
        benchmark:
            f"{STUDY}/benchmarks/analysis/{analysis.name}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=3000,
            runtime=60,
            gpu=GPU,
        params:
            spec=analysis_spec(analysis),
            package=analysis_package(analysis),
        script:
            "../../scripts/analysis.py"

    if analysis.parts:

        rule:
            """Compute one part of a question that takes long."""
            name:
                f"analysis_{analysis.name}_part"
            input:
                raw=lambda wildcards, of=analysis: raw_files(of.parts[wildcards.part].raw),
            output:
                **{
                    t: ANALYSIS_PART.format(analysis=analysis.name, part="{part}", table=t)
                    for t in analysis.part_tables
                },
            log:
                f"{STUDY}/logs/analysis/{analysis.name}/{{part}}.log",
            benchmark:
                f"{STUDY}/benchmarks/analysis/{analysis.name}/{{part}}.tsv"
            wildcard_constraints:
                part="|".join(analysis.parts),
            conda:
                ENVIRONMENT
            threads: 1
            resources:
                mem_mb=2000,
                runtime=60,
                gpu=GPU,
            params:
                spec=lambda wildcards, of=analysis: part_spec(of, wildcards.part),
                package=lambda wildcards, of=analysis: part_package(of, wildcards.part),
            script:
                "../../scripts/analysis.py"
