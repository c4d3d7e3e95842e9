# From the catalogue to arrays.


rule fetch_dataset:
    output:
        touch("data/raw/{dataset}/.fetched"),
    log:
        "logs/fetch/{dataset}.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "python -m jcae fetch {wildcards.dataset:q} > {log:q} 2>&1"


rule prepare_dataset:
    input:
        get_raw,
    output:
        features="data/{prepared}/{dataset}/features.npz",
        truth="data/{prepared}/{dataset}/truth.npz",
        card="data/{prepared}/{dataset}/card.json",
    log:
        "logs/prepare/{prepared}/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        variant=get_variant,
        loader=get_loader,
    shell:
        "python -m jcae prepare {wildcards.dataset:q} {params.variant} --out data/{wildcards.prepared:q}/{wildcards.dataset:q} > {log:q} 2>&1"
