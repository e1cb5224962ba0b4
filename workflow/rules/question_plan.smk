# What questions read and write, for the rules of the file that follows and for the page. What comes in: PLAN and what the kinds say
# of their steps. What goes out: nothing; functions.

# Everything that a question of one job may read; its kind decides what it does read.
EVERYTHING = ("dataset", "draws", "methods", "replicates", "student", "posterior", "training")


def question_tables(question):
    """Table -> file."""
    return {table: f"{STUDY}/questions/{question.name}/{table}.parquet" for table in question.tables}


def question_files():
    """Question -> table -> file."""
    return {name: question_tables(question) for name, question in PLAN.questions.items()}


def step_of(question, step):
    """The kind's description of a step."""
    return registry.part("question", question.kind).STEPS[step]


def part_place(question, step, part="{part}", block="{block}"):
    """Where a part lies below a question's folder, in logs and benchmarks, too."""
    return "/".join([question.name, step, part, *([block] if step_of(question, step).by_block else [])])


def part_places(question, step, part):
    """The places of a part, one a block where it is computed by block."""
    blocks = question.blocks if step_of(question, step).by_block else ("",)
    return [part_place(question, step, part, block) for block in blocks]


def parts_of(question):
    """Step -> table -> files of all parts."""
    places = {
        step: [p for part in parts for p in part_places(question, step, part)] for step, parts in question.parts.items()
    }
    return {
        step: {
            table: [f"{STUDY}/questions/{p}/{table}.parquet" for p in own] for table in step_of(question, step).tables
        }
        for step, own in places.items()
    }


def question_draws(question):
    """Method -> block -> file of the draws that a question reads."""
    return {
        method: {b: STUDENT.format(experiment=question.experiment, method=method, block=b) for b in question.blocks}
        for method in question.methods
    }


def question_blocks(question, reads, blocks):
    """The blocks of data and logits, each once."""
    wanted = question.data is not None and "dataset" in reads
    return list(dict.fromkeys(question.data_block(block) for block in blocks)) if wanted else []


def question_inputs(question):
    """Files that the job of a question reads: its parts' tables, or data, logits and draws."""
    reads = () if question.own else EVERYTHING
    return {
        **read_inputs(question, reads, question.blocks, question.teachers),
        "draws": [file for files in question_draws(question).values() for file in files.values()],
        "raw": raw_files(question.raw),
        "parts": [file for tables in parts_of(question).values() for files in tables.values() for file in files],
    }


def read_inputs(question, reads, blocks, teachers):
    """Files of data and logits."""
    found = question_blocks(question, reads, blocks)
    return {
        "data": [file for b in found for file in data_files(question.data.key, b)],
        "logits": [file for t in teachers for b in found for file in logits_files(t.key, b)],
    }


def read_spec(question, reads, blocks, teachers):
    """Parameters of every job of a question, apart from its content."""
    found = question_blocks(question, reads, blocks)
    names = ("name", "kind", "seed", "device", *(n for n in EVERYTHING if n in reads and n not in ("dataset", "draws")))
    return {
        **{name: getattr(question, name) for name in names},
        **({"blocks": list(blocks)} if "dataset" in reads else {}),
        "raw": "results/downloads",
        "data": {b: folder(data_files(question.data.key, b)[0]) for b in found},
        "logits": {t.name: {b: folder(logits_files(t.key, b)[0]) for b in found} for t in teachers} if found else {},
    }


def question_spec(question):
    """What a question depends on: its content, and where its files lie."""
    reads = () if question.own else EVERYTHING
    return {
        **read_spec(question, reads, question.blocks, question.teachers),
        "content": question.content,
        **({"draws_of": question_draws(question)} if "draws" in reads else {}),
        **({"parts": parts_of(question)} if question.parts else {}),
    }


def question_package(question):
    """Hash of the sources that a question depends on."""
    used = (registry.module_name(*use) for use in (("question", question.kind), *question.uses))
    return package("mtbkd.questions.run", *used)


def part_blocks(question, wildcards):
    """The block of a part that is computed by block, all blocks for others."""
    return [wildcards.block] if "block" in wildcards.keys() else question.blocks


def part_inputs(question, step):
    """Function of wildcards: files that a part reads."""

    def inputs(wildcards):
        part = question.parts[step][wildcards.part]
        found = read_inputs(question, step_of(question, step).reads, part_blocks(question, wildcards), part.teachers)
        return {**found, "raw": raw_files(part.raw)}

    return inputs


def part_spec(question, step):
    """Function of wildcards: what a part depends on."""

    def spec(wildcards):
        part = question.parts[step][wildcards.part]
        own = read_spec(question, step_of(question, step).reads, part_blocks(question, wildcards), part.teachers)
        return {**own, "step": step, "content": part.content}

    return spec


def part_package(question, step):
    """Function of wildcards: hash of the sources that a part depends on."""

    def hashed(wildcards):
        used = (registry.module_name(*use) for use in question.parts[step][wildcards.part].uses)
        return package("mtbkd.questions.run", step_of(question, step).job, *used)

    return hashed
