# Your dataset: copy this file to workflow/datasets/<name>.smk and put your name for NAME. Every file here whose name does not
# begin with `_` is found by itself. What comes in: your raw file. What goes out: results/shared/tables/NAME.csv with a header,
# a row an example, numeric features and a column for the class; other columns may hold ids, splits and domains.
#
# config.yaml then needs one entry under `datasets`:
#   NAME: {kind: table, settings: {path: results/shared/tables/NAME.csv, label: <column of the class>}}
# `Settings` in mtbkd/data/datasets/table.py names all that may be set. A raw file from the web: see "Use your data mirror" in
# README.md, and take results/downloads/<group>/<file> as the input.


rule prepare_NAME:
    """Say here what becomes of the raw file."""
    input:
        "data/NAME.csv",
    output:
        "results/shared/tables/NAME.csv",
    log:
        "results/logs/prepare/NAME.log",
    conda:
        "../../envs/cpu.yaml"
    # Beside this file, in any language that Snakemake runs (.py, .R, .jl, .sh): it reads snakemake.input[0] and writes
    # snakemake.output[0]. A command line under `shell:` does as well.
    script:
        "prepare_NAME.py"
