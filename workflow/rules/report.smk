# The report. What comes in: all evaluation tables, figures with captions, cards of data and teachers; benchmark files as far
# as they exist. What goes out: results/<study>/{report.html,manifest.json,tables/*.csv}. Nothing is computed that a table lacks.


rule report:
    """Write the study's page, one file that opens without a network, its manifest and its summary tables."""
    input:
        evaluation=expand(
            f"{STUDY}/evaluation/{{experiment}}/{{table}}.parquet", experiment=PLAN.experiments, table=TABLES
        ),
        exact=[f"{folder}/{table}.parquet" for folder in exact_folders().values() for table in ("cases", "sbc")],
        exact_published=exact_published(),
        searches=list(search_files().values()),
        curves=curve_files(),
        curve_tuning=[file for files in curve_tuning().values() for file in files],
        analyses=[file for tables in analysis_files().values() for file in tables.values()],
        figures=FIGURES,
        captions=[f"{STUDY}/figures/{stem}.json" for stem in STEMS],
        data=[card for e in PLAN.experiments.values() for card in data_cards(e)],
        teachers=[c for e in PLAN.experiments.values() for found in teacher_cards(e).values() for c in found],
    output:
        page=f"{STUDY}/report.html",
        manifest=f"{STUDY}/manifest.json",
        tables=expand(
            f"{STUDY}/tables/{{table}}.csv",
            table=("main", "gates", "comparisons", "agreement", "loo", "chain_weights", "published", "findings"),
        ),
        searches=sorted({f"{STUDY}/tables/{s.split('/')[0]}.csv" for s in PLAN.searches}),
        curves=[f"{STUDY}/tables/{table}.csv" for table in ("curves", "crossings") if PLAN.curves],
        analyses=[f"{STUDY}/tables/{name}-{table}.csv" for name, tables in analysis_files().items() for table in tables],
    log:
        f"{STUDY}/logs/report.log",
    benchmark:
        f"{STUDY}/benchmarks/report.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=report_spec,
        package=package("mtbkd.report.build", *section_modules(), files=PUBLISHED + PAGE_PARTS),
    script:
        "../../scripts/report.py"
