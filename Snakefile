# A reproducible benchmark of deep clustering. Settings: config.yaml; other runs: --configfile config/<name>.yaml
from snakemake.utils import min_version

min_version("9.1")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/equivalence.smk"
include: "workflow/rules/summarise.smk"
include: "workflow/rules/comparison.smk"
include: "workflow/rules/how_many.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/tracking.smk"


rule all:
    default_target: True
    input:
        get_equivalence_target(),
        get_tables_target(),
        get_figures_target(),
        get_report_target(),
        get_track_target(),


rule equivalence:
    input:
        get_equivalence_target(),


rule tables:
    input:
        get_tables_target(),


rule figures:
    input:
        get_figures_target(),


rule report:
    input:
        get_report_target(),


rule track:
    input:
        get_track_target(),


# A target cannot change the config, so this one starts snakemake again, with the overlay; --nolock, as the lock is ours.
rule smoke:
    log:
        "logs/smoke.log",
    conda:
        "environment.yml"
    shell:
        "python -m snakemake --nolock --cores all --configfile config/smoke.yaml > {log:q} 2>&1"


# Told through snakemake's logger: the plugin `jcae`, which `make bench` asks for, shows its own words in place of these.
onstart:
    if workflow.local_exec:
        start_forkserver()
    logger.info(get_overview(), extra={"run": PLAN.run, "steps": get_steps()})


onsuccess:
    logger.info(get_summary())


onerror:
    logger.info(
        f"Some jobs failed; what is finished stays, and the same command goes on from there. Logs: logs/{PLAN.run}"
    )
