# Is the clustering module a Gaussian mixture? The algebra must hold; what fitting both gives is reported.


rule check_algebra:
    input:
        features=get_features,
        card=get_card,
    output:
        "results/{run}/equivalence/{dataset}/algebra.csv",
    log:
        "logs/{run}/equivalence/{dataset}/algebra.log",
    conda:
        "../../environment.yml"
    params:
        code=CODE["equivalence"],
    shell:
        "JCAE_PRELOADED=torch python -m jcae equivalence algebra --features {input.features:q} --name {wildcards.dataset:q} --out {output:q} "
        "> {log:q} 2>&1"


rule compare_with_mixture:
    input:
        features=get_features,
        truth=get_truth,
        card=get_card,
    output:
        multiext(
            "results/{run}/equivalence/{dataset}/",
            "scores.csv",
            "agreement.csv",
            "tests.csv",
            "fixed_point.csv",
        ),
    log:
        "logs/{run}/equivalence/{dataset}/compare.log",
    conda:
        "../../environment.yml"
    params:
        truth=get_truth_option,
        seeds=",".join(map(str, PLAN.equivalence["seeds"])),
        options=get_equivalence_options(),
        code=CODE["equivalence"],
    shell:
        "JCAE_PRELOADED=torch python -m jcae equivalence empirics --features {input.features:q} {params.truth} --name {wildcards.dataset:q} "
        "--seeds {params.seeds:q} --out results/{wildcards.run:q}/equivalence/{wildcards.dataset:q} {params.options} > {log:q} 2>&1"


rule summarise_equivalence:
    input:
        get_equivalence("algebra"),
        get_equivalence("tests"),
    output:
        algebra="results/{run}/equivalence/algebra.csv",
        summary="results/{run}/equivalence/summary.csv",
    log:
        "logs/{run}/equivalence/summarise.log",
    conda:
        "../../environment.yml"
    params:
        datasets=PLAN.equivalence["datasets"],
        code=CODE["equivalence"],
    shell:
        "python -m jcae equivalence summarise results/{wildcards.run:q}/equivalence {params.datasets:q} > {log:q} 2>&1"


rule write_equivalence_tables:
    input:
        f"{SOURCE}/equivalence/algebra.csv",
        f"{SOURCE}/equivalence/summary.csv",
    output:
        identities=report(
            "results/{run}/tables/algebra.html",
            caption="../report/algebra.rst",
            category="Equivalence of clustering module and mixture",
            labels={"content": "algebra", "kind": "table"},
        ),
        comparison=report(
            "results/{run}/tables/equivalence.html",
            caption="../report/equivalence.rst",
            category="Equivalence of clustering module and mixture",
            labels={"content": "equivalence", "kind": "table"},
        ),
        tables=expand(
            "results/{{run}}/tables/{table}.{suffix}",
            table=OF_EQUIVALENCE,
            suffix=["csv", "md", "tex"],
        ),
    log:
        "logs/{run}/equivalence/tables.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        source=get_source,
        code=CODE["tables"],
    shell:
        "python -m jcae equivalence tables {params.source:q}/equivalence --out results/{wildcards.run:q}/tables > {log:q} 2>&1"


rule draw_equivalence_figures:
    input:
        f"{SOURCE}/equivalence/algebra.csv",
        f"{SOURCE}/equivalence/summary.csv",
    output:
        report_figures(
            "results/{run}/figures/equivalence",
            category="Equivalence of clustering module and mixture",
            caption="equivalence_figure",
        ),
    log:
        "logs/{run}/figures/equivalence.log",
    conda:
        "../../environment.yml"
    params:
        names=OF_EQUIVALENCE,
        source=get_source,
        code=CODE["figures"],
    shell:
        "python -m jcae figures {params.names} --results {params.source:q} --out {output:q} > {log:q} 2>&1"


# A rule of its own, so that a failed check stops the pipeline and yet leaves the numbers on disk.
rule verify_algebra:
    input:
        "results/{run}/equivalence/algebra.csv",
    output:
        touch("results/{run}/equivalence/.verified"),
    log:
        "logs/{run}/equivalence/verify.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "python -m jcae equivalence verify {input:q} > {log:q} 2>&1"
