# The folder that a run works in. What comes in: results/ as it stands, .snakemake/. What goes out: nothing. A run that computes
# waits for jobs that outlived their own run and takes away what dead processes left; whatever only looks on changes nothing. A
# dry run prints what each job would make, and why.
import re

from snakemake.exceptions import WorkflowError

from mtbkd.base import running
from mtbkd.base.errors import ContractError
from mtbkd.study import dry_run
from mtbkd.study.sent import check_sent
from mtbkd.study.slurm import Cluster

HINT = "move the repository, or have the environment elsewhere: UV_PROJECT_ENVIRONMENT=<folder> make run"


def check_names(root, python):
    """Snakemake reads braces in a path as wildcards, and gives the path of Python to a shell as it is."""
    if re.search(r"[{}]", str(root)):
        raise WorkflowError(
            str(ContractError(root, "path", "a brace", "a path without { and }", "move the repository"))
        )
    if odd := re.search(r"[\s'\"\\$`&;|<>()*?!{}\[\]]", python):
        raise WorkflowError(
            str(ContractError(python, "path", repr(odd[0]), "a Python whose path needs no quotes", HINT))
        )


def check_folders(*folders):
    """Refuse what is no folder."""
    for path in map(Path, folders):
        if path.exists() and not path.is_dir():
            raise WorkflowError(str(ContractError(path, "kind", "a file", "a folder", "move the file away")))


def check_writable(files):
    """Refuse a folder that one of ``files`` cannot be written to; folders that are missing will be made."""
    for place in dict.fromkeys(Path(file).parent for file in files):
        path = next((p for p in (place, *place.parents) if p.exists()), place)
        if not os.access(path, os.W_OK | os.X_OK):
            hint = "change its owner or mode, or run in a copy"
            raise WorkflowError(
                str(ContractError(path, "permission", "a folder not to write to", "a writable one", hint))
            )


def check_cores(asked):
    """With 0 cores Snakemake would wait for ever."""
    for option, number in (("--cores", asked.cores), ("--jobs", asked.nodes)):
        if number == 0:
            raise WorkflowError(str(ContractError(option, "value", number, "1 or more, or all")))


def shorten_dry_run():
    """Print less of each job, unless --verbose asks for all, or the run is another workflow's, which prints as it likes."""
    if HERE != Path(workflow.basedir) or workflow.output_settings.verbose:
        return
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":  # those of plugins get whole records
            handler.addFilter(dry_run.brief)
    if not workflow.output_settings.quiet:
        logger.info("Each job's outputs, and why it would run. Its inputs, log and resources: --verbose.")


# Start of a rule's name -> jobs that may share a SLURM job. Not in the rules, where they would change what dry runs print.
GROUPS = {"teacher": "teachers", "student": "fits", "part_": "parts", "figures_": "figures"}


def ask_slurm(settings):
    """Have jobs followed by the command that answers here, and ask no more for any than their partition gives."""
    partition = workflow.resource_settings._parsed_default_resources.get("slurm_partition").value
    try:
        cluster = Cluster.asked(settings.status_command, partition)
    except ContractError as error:
        raise WorkflowError(str(error)) from None
    logger.info(str(cluster))
    settings.status_command = cluster.status
    cores, minutes = cluster.partition.cores, cluster.partition.minutes
    workflow.global_resources["_cores"] = cores
    if minutes:  # a job that asks for more would wait for ever
        workflow.global_resources["runtime"] = minutes
    for start, group in GROUPS.items():
        for each in workflow.rules:
            if each.name.startswith(start):
                each.group = group
    # Jobs of a group side by side, or their times would add up.
    components = workflow.group_settings.group_components
    workflow.group_settings.group_components = {name: min(number, cores) for name, number in components.items()}


def prepared(execute):
    """Snakemake's ``execute``, which starts no run beside one that is alive, and finds no traces of dead ones."""

    def run(executor_plugin, **given):
        check_writable([".snakemake/locks"])
        draw_asked_figures()
        if executor_plugin.common_settings.dryrun_exec:
            shorten_dry_run()
            return execute(executor_plugin=executor_plugin, **given)
        check_cores(workflow.resource_settings)
        if executor_plugin.name == "slurm":
            ask_slurm(given["executor_settings"])
        if executor_plugin.common_settings.implies_no_shared_fs:
            try:
                check_sent(Path.cwd(), [CONFIG, *workflow.overwrite_configfiles])
            except ContractError as error:
                raise WorkflowError(str(error)) from None
            # The image holds the plugin of the store, at its locked version; Snakemake would have every pod ask PyPI for it.
            executor_plugin.common_settings.auto_deploy_default_storage_provider = False
        with running.announced(f"study {PLAN.study}", "run") as me:
            os.environ[running.RUN_VARIABLE] = running.named(me.process)
            running.wait_for_orphans()
            running.clean(Path("results"), Path(".snakemake/locks"))
            return execute(executor_plugin=executor_plugin, **given)

    return run


check_names(ROOT, sys.executable)
check_folders("results", "results/shared", "results/downloads", STUDY)
if workflow.is_main_process:
    # Only here is it known whether Snakemake will compute: a report, a list of rules or `--unlock` never come this far.
    workflow.execute = prepared(workflow.execute)
