# Scores: the first step after training that sees the truth.


rule evaluate_method:
    input:
        runs=get_blocks,
        features=get_features,
        truth=get_truth,
        graph=get_scored_graph,
    output:
        "results/{run}/scores/{dataset}/{method}.csv",
    log:
        "logs/{run}/evaluate/{dataset}/{method}.log",
    conda:
        "../../environment.yml"
    params:
        options=get_evaluate_options,
        code=CODE["evaluate"],
    shell:
        "python -m jcae evaluate {input.runs:q} --features {input.features:q} {params.options} --out {output:q} > {log:q} 2>&1"


rule collect_results:
    input:
        get_scores,
    output:
        scores="results/{run}/scores.csv",
        records="results/{run}/records.csv",
    log:
        "logs/{run}/collect.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=CODE["collect"],
        blocks=" ".join(f"--block {block}" for block in PLAN.blocks),
        wording=get_wording,
    shell:
        "python -m jcae collect --results results/{wildcards.run:q} {params.blocks} --wording {params.wording:q} {input:q} > {log:q} 2>&1"
