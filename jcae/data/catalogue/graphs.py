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

_LIU = (
    "Ribeiro, Saverese and Figueiredo, struc2vec: Learning node representations from structural identity, KDD 2017, "
    "doi:10.1145/3097983.3098061; arrays of Liu, Liang, Xia, Yang, Zhou, Liu, Liu and Li, Reinforcement Graph "
    "Clustering with Unknown Cluster Number, ACM MM 2023, arXiv:2308.06827"
)
# By commits, which no later change of the repository moves: its files came one after another.
_KAN = "https://raw.githubusercontent.com/yueliu1999/KAN4Graph/{}/dataset/{}/{{}}"
_BAT = sources(
    (_KAN.format("ba5354c70bccd423908fb88768f71a3364ea3b32", "bat"),),
    **{
        "bat_feat.npy": "c1f2d7cef793f79b3cfd2d586fb64e2528ca1c85fed63e26be778d07a0b128c1",
        "bat_label.npy": "6768854e0627fe3c7d6540284d131e799d86b72c377657c33261b59fa741e316",
        "bat_adj.npy": "37f6af7167c0fcac14b57e868a474ccace7e6d0a44c73c7d8d8e1943dfefb354",
    },
)
_EAT = (
    *sources(
        (_KAN.format("6095b893c919c9c81ac92a8c26b6af8ced9f7294", "eat"),),
        **{
            "eat_feat.npy": "bd678fdc824f443ab8472d042712dd95ac4e17538b82d12d38827b1dc67787d1",
            "eat_label.npy": "7596cc63c8d485039882d7dd383891416405c584c0ba946532d0c912eeb4fb25",
        },
    ),
    *sources(
        (_KAN.format("a2afac93d4b71098ddba9b505c35f25cde27b99b", "eat"),),
        **{"eat_adj.npy": "28c0401a048ecfecac60627b0d3cec826be7ae71d55a739cd8193b9a1f4e847d"},
    ),
)
_AMAP = sources(
    ("https://raw.githubusercontent.com/shchur/gnn-benchmark/master/data/npz/{}",),
    **{"amazon_electronics_photo.npz": None},
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
    Dataset(
        name="bat",
        title="BAT",
        loader="airports",
        n=131,
        d=81,
        class_names=tuple("0123"),
        class_counts=(32, 32, 32, 35),
        preparation="How many airports of Brazil an airport is joined to, its own loop counted, as published: a column "
        "for each number from 0 to 80, with one 1 per row. The classes are quarters by activity. Graph: airports with "
        "flights between them; 71 loops are dropped. The 1038 edges of publications are half of the 2077 entries, "
        "loops among them.",
        licence="none stated",
        citation=_LIU,
        sources=_BAT,
        folder="bat",
        n_edges=1003,
    ),
    Dataset(
        name="eat",
        title="EAT",
        loader="airports",
        n=399,
        d=203,
        class_names=tuple("0123"),
        class_counts=(99, 99, 99, 102),
        preparation="How many airports of Europe an airport is joined to, its own loop counted, as published: a column "
        "for each number from 0 to 202, with one 1 per row. The classes are quarters by activity. Graph: airports with "
        "flights between them; 2 loops are dropped, one edge of the 5994 of publications.",
        licence="none stated",
        citation=_LIU,
        sources=_EAT,
        folder="eat",
        n_edges=5993,
    ),
    Dataset(
        name="amap",
        title="Amazon Photo",
        loader="amazon",
        n=7650,
        d=745,
        class_names=tuple("01234567"),
        class_counts=(369, 1686, 703, 915, 882, 823, 1941, 331),
        preparation="Words of reviews of goods, 1 where they occur. Graph: goods that are often bought together. "
        "Untested: the file was not at hand, its checksum is not known, and sizes, class counts and edges are those "
        "that others state.",
        licence="none stated",
        citation="Shchur, Mumme, Bojchevski and Günnemann, Pitfalls of graph neural network evaluation, 2018, "
        "arXiv:1811.05868; data of McAuley, Targett, Shi and van den Hengel, Image-based recommendations on styles and "
        "substitutes, SIGIR 2015, doi:10.1145/2766462.2767755",
        sources=_AMAP,
        folder="amap",
        counts_stated=False,
        n_edges=119081,
    ),
)
