# Figures. What comes in: evaluation tables, data and logits of the first block, draws of methods with a posterior, ranks of the
# calibration where a study asks for exact answers. What goes out:
# results/<study>/figures/, all drawn by one job. Editing a figure draws again and refits nothing.


rule figures:
    """Draw all figures of the study."""
    input:
        tables=[f"{e.evaluation}/{table}.parquet" for e in FIGURE_EXPERIMENTS for table in TABLES],
        data=[f"{e.data}/{name}" for e in FIGURE_EXPERIMENTS for name in DATA_FILES],
        logits=[f"{where}/{name}" for e in FIGURE_EXPERIMENTS for where in e.logits.values() for name in LOGITS_FILES],
        draws=[file for e in FIGURE_EXPERIMENTS for file in e.draws.values()],
        questions=[file for tables in question_files().values() for file in tables.values()],
    output:
        *[reported(entry) for entry in CATALOGUE],
        *[f"{STUDY}/figures/{entry.stem}.png" for entry in CATALOGUE],
        captions=f"{STUDY}/figures/captions.json",
    log:
        f"{STUDY}/logs/figures.log",
    benchmark:
        f"{STUDY}/benchmarks/figures.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=6000,
        runtime=30,
    params:
        experiments=[asdict(e) for e in FIGURE_EXPERIMENTS],
        study=asdict(FIGURE_STUDY),
        questions=[asdict(question) for question in FIGURE_QUESTIONS],
        package=package("mtbkd.report.figures.catalogue", *registry.FIGURES.values(), files=PUBLISHED),
    script:
        "../../scripts/figures.py"
