# The plan, and the functions by which rules find their inputs. Everything else is in the jcae package.
import json
import os
import re
import shlex
import sys

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Jobs call `python -m jcae`: with the Python that runs snakemake, and the sources beside this Snakefile.
sys.path.insert(0, str(workflow.basedir))
os.environ.update(
    PATH=os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]),
    PYTHONPATH=os.pathsep.join(filter(None, [str(workflow.basedir), os.environ.get("PYTHONPATH")])),
    PYTHONUTF8="1",  # whatever the locale: names of folders and labels may have any letters
)

from jcae.tables.comparison import COMPARISON_TABLES, VARIANTS_TABLES, write_comparison_tables
from jcae.jobs.config import ConfigError, read_config
from jcae.jobs.plan import make_plan
from jcae.equivalence.files import write_empirics
from jcae.scores.evaluation import collect_records, evaluate
from jcae.forkserver import start as start_forkserver
from jcae.figures import FIGURES, IMAGES_ONLY, OF_EQUIVALENCE, OF_SWEEP, PER_DATASET, draw
from jcae.scores.gallery import is_of_images, write_gallery
from jcae.scores.sweep import collect_sweep, has_sweep, read_sweep_records
from jcae.jobs.provenance import code_digest
from jcae.jobs.records import parse_block
from jcae.report.write import write_report
from jcae.statistics.shared import count
from jcae.tables.how_many import HOW_MANY_TABLES, write_how_many_tables
from jcae.tables.run import RUN_TABLES, write_tables

try:
    # The files once more: what snakemake has made of them no longer says where a file lies, nor which key stood there twice.
    FILES = [workflow.configfiles[-1], *workflow.overwrite_configfiles]
    PLAN = make_plan(read_config(FILES, workflow.config_settings.config))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

# Digests of the code behind the steps after training: a changed metric scores again, a changed plot draws again.
CODE = {
    "evaluate": code_digest(evaluate),
    "collect": code_digest(collect_records),
    "sweep": code_digest(collect_sweep),
    "how_many": code_digest(write_how_many_tables),
    "gallery": code_digest(write_gallery),
    "tables": code_digest(write_tables),
    "comparison": code_digest(write_comparison_tables),
    "figures": code_digest(draw),
    "report": code_digest(write_report),
    "equivalence": code_digest(write_empirics),
}

if PLAN.mirror:
    os.environ.update(JCAE_DATA_MIRROR=PLAN.mirror)

OF_RUN = [name for name in FIGURES if name not in PER_DATASET + OF_EQUIVALENCE + OF_SWEEP]
COMPARED = COMPARISON_TABLES + (VARIANTS_TABLES if PLAN.comparison["variants"] else ())


# Blocks of an earlier config may lie beside those of this one.
BLOCKS = " ".join(f"--block {block}" for block in PLAN.blocks)

# What tables and figures are made of: the run's own folder, or the one that the setting `from` names.
SOURCE = PLAN.source or f"results/{PLAN.run}"


def get_source(wildcards):
    return SOURCE


def get_drawn_datasets():
    """The data sets that have figures of their own: those on which a method ran; of an export, those that it kept."""
    if PLAN.source:
        return sorted(os.listdir(f"{SOURCE}/gallery")) if os.path.isdir(f"{SOURCE}/gallery") else []
    return get_run_datasets()


def get_run_datasets():
    """The data sets on which a method runs."""
    return list(dict.fromkeys(dataset for dataset, _ in PLAN.jobs))


def get_swept():
    """Pairs of data set and method that run over numbers of clusters."""
    return [pair for pair, job in PLAN.jobs.items() if job.counts]


def get_swept_datasets():
    """Data sets with runs over numbers of clusters."""
    if PLAN.source:
        return sorted(read_sweep_records(SOURCE)["dataset"].unique()) if has_sweep(SOURCE) else []
    return list(dict.fromkeys(dataset for dataset, _ in get_swept()))


wildcard_constraints:
    run=re.escape(PLAN.run),
    dataset="|".join(map(re.escape, sorted({*PLAN.datasets, *get_drawn_datasets(), *get_swept_datasets()}))),
    catalogued="|".join(
        sorted({re.escape(part.name) for request in PLAN.requests.values() for part in request.catalogued()})
    )
    or "-",
    prepared="|".join(sorted({re.escape(request.folder) for request in PLAN.requests.values()})),
    method="|".join(map(re.escape, PLAN.methods)),
    block="|".join(map(re.escape, PLAN.blocks)),
    counts="[0-9,-]+",


# Free text of a config is passed on by functions: the braces of a plain text would be wildcards.


# --- data


def get_prepared(dataset):
    """Where a data set is prepared: a subset, or other values, are another data set, and lie elsewhere."""
    return f"data/{PLAN.requests[dataset].folder}"


def get_kinds_of_data():
    """What data sets have beside features and card: the different sets of files."""
    return sorted({outline.files for outline in PLAN.outlines.values()})


def get_datasets_with(parts):
    return "|".join(re.escape(name) for name, outline in PLAN.outlines.items() if outline.files == parts)


def get_raw(wildcards):
    """Nothing where the data are bundled with a library, generated, or the user's own."""
    parts = PLAN.requests[wildcards.dataset].catalogued()
    return [f"data/raw/{part.name}/.fetched" for part in parts if part.sources]


def get_own_files(wildcards):
    """The user's own files; that one has changed is seen in the digest of the preparation, not in its time stamp."""
    return [str(file) for file in PLAN.requests[wildcards.dataset].files()]


def get_preparation(wildcards):
    return PLAN.preparations[wildcards.dataset]


def get_entry(wildcards):
    return PLAN.requests[wildcards.dataset].options


def get_part(dataset, name):
    """A file that a data set may have beside its features; nothing where it has none."""
    has_it = name in PLAN.outlines[dataset].files
    return f"{get_prepared(dataset)}/{dataset}/{name}" if has_it else []


def get_fit(wildcards):
    """The points that methods are fitted on, where they are others than those that are scored."""
    return get_part(wildcards.dataset, "fit.npz")


def get_fit_option(wildcards, input):
    return get_input_options(input, "fit")


def get_graph(wildcards):
    """The graph, for methods that take one; for no other is it a reason to run again."""
    takes_it = PLAN.jobs[wildcards.dataset, wildcards.method].takes_graph
    return get_part(wildcards.dataset, "graph.npz") if takes_it else []


def get_features(wildcards):
    return f"{get_prepared(wildcards.dataset)}/{wildcards.dataset}/features.npz"


def get_card(wildcards):
    return f"{get_prepared(wildcards.dataset)}/{wildcards.dataset}/card.json"


def get_truth(wildcards):
    """The classes; nothing where nobody knows them."""
    return get_part(wildcards.dataset, "truth.npz")


def get_input_options(input, *names):
    """Inputs of these names as options of a verb, as far as they are there."""
    paths = {name: getattr(input, name) for name in names}
    return " ".join(f"--{name} {shlex.quote(str(path))}" for name, path in paths.items() if path)


def get_truth_option(wildcards, input):
    return get_input_options(input, "truth")


def get_scored_graph(wildcards):
    """The graph of the points that are scored: where others are fitted on, it is the graph of those."""
    fits_others = "fit.npz" in PLAN.outlines[wildcards.dataset].files
    return [] if fits_others else get_part(wildcards.dataset, "graph.npz")


def get_evaluate_options(wildcards, input):
    return get_input_options(input, "truth", "graph")


# --- training


def get_pretraining_spec(wildcards):
    return json.dumps(PLAN.pretraining[wildcards.dataset, wildcards.autoencoder].spec)


def get_pretraining_code(wildcards):
    return PLAN.pretraining[wildcards.dataset, wildcards.autoencoder].code


def get_spec(wildcards):
    return json.dumps(PLAN.jobs[wildcards.dataset, wildcards.method].spec)


def get_code(wildcards):
    return PLAN.jobs[wildcards.dataset, wildcards.method].code


def get_pretrained(wildcards):
    """The same block of the autoencoder that the method starts from, if it starts from one."""
    name = PLAN.jobs[wildcards.dataset, wildcards.method].autoencoder
    return f"results/{wildcards.run}/pretrained/{wildcards.dataset}/{name}/{wildcards.block}" if name else []


def get_control_truth(wildcards):
    """The truth, for control methods; no other method has it among its inputs."""
    return get_truth(wildcards) if PLAN.jobs[wildcards.dataset, wildcards.method].reads_truth else []


def get_gpus(wildcards):
    return int(PLAN.device != "cpu" and PLAN.jobs[wildcards.dataset, wildcards.method].deep)


def get_preloaded(wildcards):
    """What shall be imported already where a fork trains; without torch a plain method's peak memory is its own."""
    return "torch" if PLAN.jobs[wildcards.dataset, wildcards.method].deep else "plain"


def get_train_options(wildcards, input):
    return get_input_options(input, "pretrained", "truth", "fit", "graph")


def get_sweep_options(wildcards, input):
    return get_input_options(input, "pretrained", "fit", "graph")


# --- equivalence


def get_equivalence(name):
    """The file of this name for every data set that is compared."""
    return expand(
        "results/{run}/equivalence/{dataset}/{name}.csv",
        run=PLAN.run,
        dataset=PLAN.equivalence["datasets"],
        name=name,
    )


def get_equivalence_options():
    names = ("margin", "level", "alpha_prior", "epochs", "batch_size", "learning_rate")
    options = {f"--{name.replace('_', '-')}": PLAN.equivalence[name] for name in names}
    return " ".join(f"{option} {value}" for option, value in options.items() if value is not None)


# --- comparison


def get_options(options):
    """Settings as options of a verb, mappings as JSON; null is the verb's own default."""
    texts = {name: json.dumps(value) if isinstance(value, dict) else str(value) for name, value in options.items()}
    return " ".join(f"--{name} {shlex.quote(texts[name])}" for name, value in options.items() if value is not None)


def get_published(wildcards):
    return PLAN.ledger["published"] or []


def get_reference():
    """The settings that figures take, too."""
    return {name: PLAN.comparison[name] for name in ("reference", "level")}


# --- numbers of clusters


def get_count_folders(wildcards):
    """The runs over numbers of clusters on a data set: a folder per method and numbers that one job fits."""
    swept = [method for dataset, method in get_swept() if dataset == wildcards.dataset]
    return [
        f"results/{wildcards.run}/sweeps/{wildcards.dataset}/{method}/{counts}"
        for method in swept
        for counts in PLAN.jobs[wildcards.dataset, method].counts
    ]


def get_sweep_blocks(wildcards):
    return expand("{folder}/{block}", folder=get_count_folders(wildcards), block=PLAN.blocks)


def get_sweep_folders(wildcards):
    """Where the scores and records of every data set lie."""
    return [f"results/{wildcards.run}/sweep_scores/{dataset}" for dataset in get_swept_datasets()]


def get_sweep_files(wildcards):
    return [f"{folder}/{name}.csv" for folder in get_sweep_folders(wildcards) for name in ("scores", "records")]


# --- results


def get_names_of_dataset_figures(wildcards):
    """Figures of images only for data sets of images."""
    dataset = wildcards.dataset
    has_images = is_of_images(SOURCE, dataset) if PLAN.source else PLAN.outlines[dataset].has_images
    return [name for name in PER_DATASET if has_images or name not in IMAGES_ONLY]


def get_method_folders(wildcards):
    """The runs on a data set: a folder per method."""
    methods = [method for dataset, method in PLAN.jobs if dataset == wildcards.dataset]
    return [f"results/{wildcards.run}/runs/{wildcards.dataset}/{method}" for method in methods]


def get_blocks(wildcards):
    return expand("{folder}/{block}", folder=get_method_folders(wildcards), block=PLAN.blocks)


def get_wording(wildcards):
    """What tables say in the config's words. A run does not hang on it, so it comes with the collected records."""
    words = {}
    for (dataset, method), job in PLAN.jobs.items():
        if job.wording:
            words.setdefault(dataset, {})[method] = job.wording
    return json.dumps(words)


def get_scores(wildcards):
    return [f"results/{wildcards.run}/scores/{dataset}" for dataset in get_run_datasets()]


def report_table(name, category="Tables", caption="table"):
    """The page of a table, to be shown in the report."""
    return report(
        f"results/{{run}}/tables/{name}.html",
        caption=f"../report/{caption}.rst",
        category=category,
        labels={"content": name, "kind": "table"},
    )


def report_figures(folder, category="Figures", caption="figure", **placing):
    """A folder of figures, whose svg files are to be shown in the report."""
    return report(
        directory(folder),
        patterns=["{name}.svg"],
        caption=f"../report/{caption}.rst",
        category=category,
        labels={"content": "{name}", "kind": "figure"},
        **placing,
    )


def get_prepared_files(wildcards):
    """Features, card and, where it has one, truth of the data set that figures show."""
    return [get_features(wildcards), get_card(wildcards), *filter(None, [get_truth(wildcards)])]


def get_prepared_folder(wildcards):
    return get_prepared(wildcards.dataset)


def get_tracking_options(wildcards):
    options = {f"--{option}": value for option, value in PLAN.tracking.items() if value is not None}
    return " ".join(f"{option} {shlex.quote(value)}" for option, value in options.items())
