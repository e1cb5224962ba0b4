# The report. What comes in: all evaluation tables, figures with captions, cards of data and teachers; benchmark files as far
# as they exist. What goes out: results/<study>/{report.html,manifest.json,headline.json,snakemake.rst,tables/*.csv}. Nothing is computed that a table lacks.
# It also writes results/index.html anew, a list of all studies: no output, as the report jobs of all studies write it.


report: DESCRIPTION


rule report:
    """Write the study's page, one file that opens without a network, its manifest and its summary tables."""
    input:
        evaluation=expand(
            f"{STUDY}/evaluation/{{experiment}}/{{table}}.parquet", experiment=PLAN.experiments, table=TABLES
        ),
        questions=[file for tables in question_files().values() for file in tables.values()],
        figures=FIGURES,
        captions=[file for file in FIGURE_OF if file.endswith(".json")],
        data=[card for e in PLAN.experiments.values() for card in data_cards(e)],
        teachers=[c for e in PLAN.experiments.values() for found in teacher_cards(e).values() for c in found],
        benchmarks=[file for *_, files in report_benchmarks() for file in files] if STORED else [],
    output:
        page=report(
            f"{STUDY}/report.html",
            category="Study",
            subcategory="Page",
            labels={"content": "The study's page, which stands alone"},
        ),
        manifest=f"{STUDY}/manifest.json",
        headline=f"{STUDY}/headline.json",
        description=f"{STUDY}/snakemake.rst",
        tables=[reported_table(name) for name in SUMMARY_TABLES],
        questions=[reported_table(f"{name}-{table}") for name, tables in question_files().items() for table in tables],
    log:
        f"{STUDY}/logs/report.log",
    benchmark:
        f"{STUDY}/benchmarks/report.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: asking.showing(CELLS, attempt)[0],
        runtime=lambda wildcards, attempt: asking.showing(CELLS, attempt)[1],
    params:
        spec=report_spec,
        package=package("mtbkd.report.build", *section_modules(), files=PUBLISHED + PAGE_PARTS),
    script:
        "../../scripts/report.py"
