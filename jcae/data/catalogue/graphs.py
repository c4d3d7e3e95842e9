"""Facts about the data sets that bring a graph."""

from jcae.data.facts import Dataset, sources

_BO = "Bo, Wang, Shi, Zhu, Lu and Cui, Structural Deep Clustering Network, WWW 2020, doi:10.1145/3366423.3380214"
_SDCN = "https://raw.githubusercontent.com/bdy9527/SDCN/master/data/{}"
_SDCN_GRAPH = "https://raw.githubusercontent.com/bdy9527/SDCN/master/graph/{}"
_ACM = (
    *sources(
        (_SDCN,),
        **{
            "acm.txt": "d17f923ab9ba3cd3e835441075095603bafd5db2b5a1171c0d8a81e4de265659",
            "acm_label.txt": "a1637c25de4e946d027f131cc02a2f8cae268ac8488fc12fa22e9b275603ead3",
        },
    ),
    *sources(
        (_SDCN_GRAPH,),
        **{"acm_graph.txt": "54529a64f7b2cd373b3cee450afec900bcf34de3dfb87fe436552efe48b15c87"},
    ),
)
_DBLP = (
    *sources(
        (_SDCN,),
        **{
            "dblp.txt": "db75502016b31ecf792b4361c106f3513284ec2f8ee66c3ce68fbd0c9ec839ee",
            "dblp_label.txt": "31c369e801d7c6891b2d7b31d4c1f2718d69aca498d23a8c48945061fcdc0da6",
        },
    ),
    *sources(
        (_SDCN_GRAPH,),
        **{"dblp_graph.txt": "cadb495a8810b48866ee9a2c92b2b10a7137406476c94eb4ebee642f268df984"},
    ),
)

_SEN = (
    "Sen, Namata, Bilgic, Getoor, Gallagher and Eliassi-Rad, Collective classification in network data, AI Magazine "
    "29(3), 2008, doi:10.1609/aimag.v29i3.2157; files of Yang, Cohen and Salakhutdinov, Revisiting semi-supervised "
    "learning with graph embeddings, ICML 2016, arXiv:1603.08861"
)
_PLANETOID = "https://raw.githubusercontent.com/kimiyoung/planetoid/master/data/{}"
# Two more files, x and y, repeat the first rows of allx and ally.
_CORA = sources(
    (_PLANETOID,),
    **{
        "ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
        "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
        "ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
        "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
        "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
        "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    },
)
_CITESEER = sources(
    (_PLANETOID,),
    **{
        "ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
        "ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
        "ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
        "ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
        "ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
        "ind.citeseer.test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    },
)

GRAPHS = (
    Dataset(
        name="acm",
        title="ACM",
        loader="keywords",
        n=3025,
        d=1870,
        class_names=tuple("012"),
        class_counts=(1061, 965, 999),
        preparation="Keywords of papers, 0 or 1, as published. Graph: papers with a common author.",
        licence="none stated",
        citation=_BO,
        sources=_ACM,
        folder="acm",
        n_edges=13128,
    ),
    Dataset(
        name="dblp",
        title="DBLP",
        loader="keywords",
        n=4057,
        d=334,
        class_names=tuple("0123"),
        class_counts=(1197, 745, 1109, 1006),
        preparation="Keywords of authors, 0 or 1, as published. Graph: authors of a common paper.",
        licence="none stated",
        citation=_BO,
        sources=_DBLP,
        folder="dblp",
        n_edges=3528,
    ),
    Dataset(
        name="cora",
        title="Cora",
        loader="planetoid",
        n=2708,
        d=1433,
        class_names=tuple("0123456"),
        class_counts=(351, 217, 418, 818, 426, 298, 180),
        preparation="Words of papers, 0 or 1, as published; the test rows at their numbers. Graph: papers of which one "
        "cites the other.",
        licence="none stated",
        citation=_SEN,
        sources=_CORA,
        folder="cora",
        n_edges=5278,
    ),
    Dataset(
        name="citeseer",
        title="Citeseer",
        loader="planetoid",
        n=3327,
        d=3703,
        class_names=tuple("012345"),
        class_counts=(264, 590, 668, 701, 596, 508),
        preparation="Words of papers, 0 or 1, as published; the test rows at their numbers. 15 numbers have neither "
        "words nor a class: rows of 0, counted to class 0, as others do. Graph: papers of which one cites the other.",
        licence="none stated",
        citation=_SEN,
        sources=_CITESEER,
        folder="citeseer",
        n_edges=4552,
    ),
)
