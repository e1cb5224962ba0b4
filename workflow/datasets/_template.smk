# Your dataset: copy this file to workflow/datasets/<name>.smk and replace NAME. Every file in this folder whose name does not
# begin with `_` is picked up automatically. Input: your raw file. Output: results/shared/tables/NAME.csv with a header,
# one row per example, numeric features and a column with the class; other columns may hold ids, splits and domains.
#
# Then add one entry under `datasets` in your study:
#   NAME: {kind: table, settings: {path: results/shared/tables/NAME.csv, label: <column of the class>}}
# `Settings` in mtbkd/data/datasets/table.py documents all settings. For a raw file from the web, see "Use your data mirror" in
# README.md, and use results/downloads/<group>/<file> as the input.


rule prepare_NAME:
    """Describe here how the raw file is converted."""
    input:
        "data/NAME.csv",
    output:
        "results/shared/tables/NAME.csv",
    log:
        "results/logs/prepare/NAME.log",
    conda:
        "../../envs/cpu.yaml"
    # A script in this folder, in any language of Snakemake (.py, .R, .jl, .sh): it reads snakemake.input[0] and writes
    # snakemake.output[0]. A command line under `shell:` works as well.
    script:
        "prepare_NAME.py"
