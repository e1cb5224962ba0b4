# The user's files, which a `path` in config.yaml names. What comes in: PLAN, and the files. What goes out: nothing; what rules
# list as inputs, the hashes that stand among their params, and one error before any job for a path that leads nowhere. Where
# results lie in a store, the files are copied into it first: results/shared/own/.
import hashlib

from mtbkd.base.errors import MtbkdError

STORED = bool(workflow.storage_settings and workflow.storage_settings.default_storage_provider)
WITH_OWN = [("datasets", d.name, d.settings) for d in PLAN.datasets.values()]
WITH_OWN += [("teachers", t.name, t.settings) for t in PLAN.teachers.values()]


def made(path):
    """Whether a rule makes the file."""
    return any(rule.is_producer(path) for rule in workflow.rules)


def stored_copy(path):
    """Where the copy of a user's file lies in the store; readers go by the end of its name."""
    return f"results/shared/own/{hashlib.sha256(path.encode()).hexdigest()[:10]}/{Path(path).name}"


def own_files(settings):
    """The user's files that a part reads: their dates say nothing where the hash of their content is among the params."""
    paths = sources.own_paths(settings)
    return [p if made(p) else stored_copy(p) if STORED else ancient(p) for p in paths]


def own_contents(settings):
    """Path -> hash of the user's files that a part reads; a job in another place has only the copies, which have dates."""
    return {} if STORED else contents(settings)


def contents(settings):
    """Path -> hash of the user's files that a part reads, without those that a rule makes."""
    return {path: sources.own_content(path) for path in sources.own_paths(settings) if not made(path)}


def check_own_files():
    """End the run before any job where a path in config.yaml leads nowhere, even if all results are there."""
    wrong = {}
    for section, name, settings in WITH_OWN:
        try:
            contents(settings)
        except MtbkdError as error:
            wrong[f"{section}.{name}.settings: {error}"] = None
    if wrong:
        raise WorkflowError("\n".join(wrong))


OWN = {stored_copy(path): path for *_, settings in WITH_OWN for path in sources.own_paths(settings)}
