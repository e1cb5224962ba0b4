# Analyses. What comes in: a dataset, teachers' logits and draws, as far as the kind reads them. What goes out: the tables of
# each analysis, results/<study>/analyses/<analysis>/<table>.parquet. One rule each, as their tables differ; only for studies
# with the key `analyses`.

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
