# Figures. What comes in: what their owner wrote, an experiment (evaluation tables; data, logits and draws of the first block), a
# question (tables) or the study (all evaluation tables). What goes out: results/<study>/figures/<figure>.{svg,png,json,rst}; the
# last two hold the caption, for the page and for Snakemake's own report. Some have an interactive view: <figure>.vl.json. One job draws all figures of an owner, as the start of a
# process takes seconds; editing one draws its owner's again and refits nothing.


rule figures:
    """All figures of the study."""
    input:
        list(FIGURE_OF),


for owner in OWNERS:

    rule:
        """Draw the figures of one experiment, one question or one part of the study, or only those requested."""
        name:
            f"figures_{owner.key}"
        input:
            **figure_inputs(owner),
        output:
            [reported(owner, name) for name in owner.figures],
            [
                f"{STUDY}/figures/{owner.stem(name)}.{ending}"
                for name in owner.figures
                for ending in catalogue.endings(name)[1:]
            ],
        log:
            f"{STUDY}/logs/figures/{owner.key}.log",
        benchmark:
            f"{STUDY}/benchmarks/figures/{owner.key}.tsv"
        conda:
            "../../envs/cpu.yaml"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: asking.showing(CELLS, attempt)[0],
            runtime=lambda wildcards, attempt: asking.showing(CELLS, attempt)[1],
        params:
            owner=asdict(owner),
            package=package(
                "mtbkd.report.figures.catalogue",
                *(registry.FIGURES[n] for n in owner.figures),
                *filter(None, map(registry.view_name, owner.figures)),
                files=PUBLISHED,
            ),
        script:
            "../../scripts/figures.py"
