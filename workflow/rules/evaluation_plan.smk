# What the evaluation reads, and how it is divided into jobs. What comes in: PLAN. What goes out: nothing; functions for the file
# that follows.
from mtbkd.evaluation.tables import COLUMNS, OF_PARTS
from mtbkd.evaluation.together import TABLES as OF_SEVERAL
from mtbkd.study import shares

TABLES = tuple(COLUMNS)
# Experiments that are too large for one job -> group of blocks -> its blocks.
DIVIDED = {e.name: found for e in PLAN.experiments.values() if (found := shares.groups(e))}
PART = f"{STUDY}/evaluation/{{experiment}}/parts/{{part}}/{{block}}"


def evaluated_data(experiment, blocks):
    """Blocks of data -> their folders."""
    own = dict.fromkeys(experiment.data_block(block) for block in blocks)
    return {b: folder(data_files(experiment.data.key, b)[0]) for b in own}


def evaluated_logits(experiment, blocks):
    """Teacher -> blocks of data -> folders of its logits."""
    own = evaluated_data(experiment, blocks)
    return {t.name: {b: folder(logits_files(t.key, b)[0]) for b in own} for t in experiment.teachers}


def evaluated_draws(experiment, blocks, methods):
    """Method -> block -> file of its draws."""
    return {m: {b: STUDENT.format(experiment=experiment.name, method=m, block=b) for b in blocks} for m in methods}


def evaluation_files(data, logits, draws):
    """The files in what the three functions above return."""
    return {
        "data": [f"{place}/{name}" for place in data.values() for name in DATA_FILES],
        "logits": [f"{place}/{name}" for own in logits.values() for place in own.values() for name in LOGITS_FILES],
        "draws": [file for own in draws.values() for file in own.values()],
    }


def evaluation_names(experiment):
    return {"study": PLAN.study, "experiment": experiment.name, "dataset": experiment.data.name}


def places(experiment, part, groups=None):
    """Folders of a part, one a group of blocks; references of data that all replicates share are scored once."""
    groups = list(DIVIDED[experiment.name] if groups is None else groups)
    if part == shares.REFERENCES and not experiment.data.redrawn:
        groups = [group for group in groups if group == next(iter(DIVIDED[experiment.name]))]
    return [PART.format(experiment=experiment.name, part=part, block=group) for group in groups]


def parts(experiment, groups=None):
    """Folders of the references and of all methods."""
    return [place for part in (shares.REFERENCES, *experiment.methods) for place in places(experiment, part, groups)]


def score_spec(wildcards):
    """One part: the references, or one method."""
    experiment = PLAN.experiments[wildcards.experiment]
    blocks, references = DIVIDED[experiment.name][wildcards.block], wildcards.part == shares.REFERENCES
    return {
        "names": evaluation_names(experiment),
        "data_folders": evaluated_data(experiment, blocks),
        "alone": len(experiment.data_blocks) == 1,
        "logits_folders": evaluated_logits(experiment, blocks) if references else None,
        "draws_files": {} if references else evaluated_draws(experiment, blocks, [wildcards.part]),
        "levels": list(PLAN.levels),
        "looks": experiment.replicates,
    }


def score_inputs(wildcards):
    spec = score_spec(wildcards)
    return evaluation_files(spec["data_folders"], spec["logits_folders"] or {}, spec["draws_files"])


def relate_spec(wildcards):
    """What needs several methods, of a group of blocks."""
    experiment = PLAN.experiments[wildcards.experiment]
    return {
        "names": evaluation_names(experiment),
        "parts": parts(experiment),
        "own": parts(experiment, [wildcards.block]),
        "draws_files": evaluated_draws(experiment, DIVIDED[experiment.name][wildcards.block], experiment.methods),
        "levels": list(PLAN.levels),
    }


def relate_inputs(wildcards):
    spec = relate_spec(wildcards)
    return {
        "parts": [f"{place}/{table}.parquet" for place in spec["parts"] for table in OF_PARTS],
        "draws": evaluation_files({}, {}, spec["draws_files"])["draws"],
    }


def evaluation_spec(wildcards):
    """All tables of an experiment, of its fits or of its parts."""
    experiment = PLAN.experiments[wildcards.experiment]
    if experiment.name in DIVIDED:
        return {
            "names": evaluation_names(experiment),
            "data_folders": evaluated_data(experiment, experiment.blocks[:1]),
            "alone": len(experiment.data_blocks) == 1,
            "parts": parts(experiment),
            "related": places(experiment, shares.TOGETHER),
        }
    return {
        "study": PLAN.study,
        "experiment": experiment.name,
        "dataset_name": experiment.data.name,
        "data_folders": evaluated_data(experiment, experiment.blocks),
        "logits_folders": evaluated_logits(experiment, experiment.blocks),
        "draws_files": evaluated_draws(experiment, experiment.blocks, experiment.methods),
        "levels": list(PLAN.levels),
    }


def evaluation_inputs(wildcards):
    spec = evaluation_spec(wildcards)
    if "parts" not in spec:
        return evaluation_files(spec["data_folders"], spec["logits_folders"], spec["draws_files"])
    return {
        "data": evaluation_files(spec["data_folders"], {}, {})["data"],
        "parts": [f"{place}/{table}.parquet" for place in spec["parts"] for table in OF_PARTS],
        "related": [f"{place}/{table}.parquet" for place in spec["related"] for table in OF_SEVERAL],
    }


def evaluation_needs(wildcards, attempt):
    """Megabytes and minutes of an experiment's evaluation, or of what is left of it where its parts are there."""
    e = PLAN.experiments[wildcards.experiment]
    if e.name in DIVIDED:
        return asking.joining(e.replicates, len(e.methods), attempt)
    return asking.evaluation(e.replicates, len(e.methods), examples_of(e.data.settings), attempt)


def part_needs(wildcards, attempt):
    """Megabytes and minutes of one part of it, or of what needs several methods."""
    e = PLAN.experiments[wildcards.experiment]
    methods = 1 if wildcards.get("part") else len(e.methods)
    return asking.evaluation(fit_replicates(wildcards), methods, examples_of(e.data.settings), attempt)


def evaluation_benchmarks(experiment):
    """Benchmark files of an experiment's evaluation."""
    own = f"{STUDY}/benchmarks/"
    found = [f"{own}evaluate/{experiment.name}.tsv"]
    for group in DIVIDED.get(experiment.name, ()):
        named = (shares.REFERENCES, *experiment.methods)
        found += [f"{own}score/{experiment.name}/{part}/{group}.tsv" for part in named]
        found += [f"{own}relate/{experiment.name}/{group}.tsv"]
    return found  # files that no job has written are left out
