# From the catalogue, or from files of the user's own, to arrays.


rule fetch_dataset:
    output:
        touch("data/raw/{catalogued}/.fetched"),
    log:
        "logs/fetch/{catalogued}.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "python -m jcae fetch {wildcards.catalogued:q} > {log:q} 2>&1"


# One rule per set of files that a data set has beside its features: classes, a graph, points to fit on.
for number, parts in enumerate(get_kinds_of_data()):

    rule:
        name:
            f"prepare_dataset{'_' * bool(number)}{number or ''}"
        input:
            raw=get_raw,
            own=ancient(get_own_files),
        output:
            "data/{prepared}/{dataset}/features.npz",
            "data/{prepared}/{dataset}/card.json",
            [f"data/{{prepared}}/{{dataset}}/{part}" for part in parts],
        log:
            "logs/prepare/{prepared}/{dataset}.log",
        wildcard_constraints:
            dataset=get_datasets_with(parts),
        conda:
            "../../environment.yml"
        params:
            entry=get_entry,
            digest=get_preparation,
        shell:
            "python -m jcae prepare {wildcards.dataset:q} --entry {params.entry:q} "
            "--out data/{wildcards.prepared:q}/{wildcards.dataset:q} > {log:q} 2>&1"
