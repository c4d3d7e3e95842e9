# One process imports all finished runs: training never talks to MLflow.


rule import_runs:
    input:
        "results/{run}/scores.csv",
        "results/{run}/records.csv",
        get_tables_target(),
        get_figures_target(),
    output:
        "results/{run}/track.json",
    log:
        "logs/{run}/track.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        options=get_tracking_options,
    shell:
        "python -m jcae track --results results/{wildcards.run:q} --manifest {output:q} {params.options} > {log:q} 2>&1"
