# What the named targets ask for, and what is said of a run.
def has_equivalence():
    """Whether module and mixture are compared."""
    return os.path.isdir(f"{SOURCE}/equivalence") if PLAN.source else bool(PLAN.equivalence["datasets"])


def get_equivalence_target():
    if not has_equivalence():
        return []
    verified = [] if PLAN.source else [f"results/{PLAN.run}/equivalence/.verified"]
    tables = expand("results/{run}/tables/{table}.md", run=PLAN.run, table=OF_EQUIVALENCE)
    return [*verified, *tables, f"results/{PLAN.run}/figures/equivalence"]


def get_tables_target():
    more = [*(OF_EQUIVALENCE if has_equivalence() else []), *(HOW_MANY_TABLES if get_swept_datasets() else [])]
    return expand(
        "results/{run}/tables/{table}.{suffix}",
        run=PLAN.run,
        table=[*RUN_TABLES, *COMPARED, *more],
        suffix=["csv", "md", "tex", "html"],
    )


def get_figures_target():
    names = ["all_data_sets", *(["equivalence"] if has_equivalence() else []), *get_drawn_datasets()]
    names += [f"how_many/{dataset}" for dataset in get_swept_datasets()]
    return expand("results/{run}/figures/{name}", run=PLAN.run, name=names)


def get_report_target():
    return f"results/{PLAN.run}/report"


def get_track_target():
    """Runs of another folder have been imported where they were made."""
    return [] if PLAN.source else f"results/{PLAN.run}/track.json"


# --- what is said of a run


def get_overview():
    runs = count(len(PLAN.jobs) * len(PLAN.seeds), "run")
    swept = sum(len(parse_block(counts)) for job in PLAN.jobs.values() for counts in job.counts) * len(PLAN.seeds)
    more = f", and {count(swept, 'run')} over numbers of clusters" if swept else ""
    return f"Run {PLAN.run}: {runs} of {count(len(PLAN.methods), 'method')} on {count(len(PLAN.datasets), 'data set')}{more}"


def get_steps():
    """Rule and wildcards of all jobs that are going to run; those without output are names of targets."""
    return [(job.rule.name, dict(job.wildcards_dict)) for job in workflow.dag.needrun_jobs() if job.output]


def get_summary():
    folder = f"results/{PLAN.run}"
    return (
        f"Summary: python -m jcae summary {folder}\n"
        f"Report: {folder}/report/index.html. Tables: {folder}/tables, figures: {folder}/figures, records of all runs: "
        f"{SOURCE}/records.csv."
    )
