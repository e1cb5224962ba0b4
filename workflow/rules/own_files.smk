# The user's files, which a `path` in config.yaml names. What comes in: PLAN, and the files. What goes out: nothing; what rules
# list as inputs, the hashes that stand among their params, and one error before any job for a path that leads nowhere.
from mtbkd.base.errors import MtbkdError


def hashed(path):
    """Whether the content of a user's file is known by its hash: not where a rule makes it, nor where files lie in a store."""
    elsewhere = workflow.storage_settings and workflow.storage_settings.default_storage_provider
    return not elsewhere and not any(rule.is_producer(path) for rule in workflow.rules)


def own_files(settings):
    """The user's files that a part reads: their dates say nothing where the hash of their content is among the params."""
    return [ancient(path) if hashed(path) else path for path in sources.own_paths(settings)]


def own_contents(settings):
    """Path -> hash of the user's files that a part reads."""
    return {path: sources.own_content(path) for path in sources.own_paths(settings) if hashed(path)}


def check_own_files():
    """End the run before any job where a path in config.yaml leads nowhere, even if all results are there."""
    parts = [("datasets", d.name, d.settings) for d in PLAN.datasets.values()]
    parts += [("teachers", t.name, t.settings) for t in PLAN.teachers.values()]
    wrong = {}
    for section, name, settings in parts:
        try:
            own_contents(settings)
        except MtbkdError as error:
            wrong[f"{section}.{name}.settings: {error}"] = None
    if wrong:
        raise WorkflowError("\n".join(wrong))
