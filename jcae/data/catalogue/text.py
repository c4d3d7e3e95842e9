"""Facts about the data sets of documents."""

from jcae.data.facts import Dataset, Source, sources

_20NEWS = (
    Source(
        "20news-bydate.tar.gz",
        "8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610",
        (
            "https://ndownloader.figshare.com/files/5975967",
            "https://qwone.com/~jason/20Newsgroups/20news-bydate.tar.gz",
        ),
        # The same documents in another archive; the order within an archive does not matter.
        also=("4c87617ac94f563478f147d0140f2f0845aa05c8149dd37a27f8840169806397",),
    ),
)

_JMLR = "https://www.jmlr.org/papers/volume5/lewis04a/"
_RCV1 = (
    Source(
        "rcv1-v2.topics.qrels.gz",
        "2a98e5e5d8b770bded93afc8930d88299474317fe14181aee1466cc754d0d1c1",
        (
            _JMLR + "a08-topic-qrels/rcv1-v2.topics.qrels.gz",
            "https://ndownloader.figshare.com/files/5976048",
        ),
    ),
    # The order in which the documents are counted; their first 10000 are the data set.
    *sources(
        (_JMLR + "a12-token-files/{}",),
        **{
            "lyrl2004_tokens_test_pt0.dat.gz": None,
            "lyrl2004_tokens_test_pt1.dat.gz": None,
            "lyrl2004_tokens_test_pt2.dat.gz": None,
            "lyrl2004_tokens_test_pt3.dat.gz": None,
            "lyrl2004_tokens_train.dat.gz": None,
        },
    ),
)

TEXT = (
    Dataset(
        name="newsgroups",
        title="20 Newsgroups",
        loader="newsgroups",
        n=18846,
        d=2000,
        class_names=(
            "alt.atheism",
            "comp.graphics",
            "comp.os.ms-windows.misc",
            "comp.sys.ibm.pc.hardware",
            "comp.sys.mac.hardware",
            "comp.windows.x",
            "misc.forsale",
            "rec.autos",
            "rec.motorcycles",
            "rec.sport.baseball",
            "rec.sport.hockey",
            "sci.crypt",
            "sci.electronics",
            "sci.med",
            "sci.space",
            "soc.religion.christian",
            "talk.politics.guns",
            "talk.politics.mideast",
            "talk.politics.misc",
            "talk.religion.misc",
        ),
        class_counts=(
            (799, 973, 985, 982, 963, 988, 975, 990, 996, 994, 999, 991, 984, 990, 987, 997, 910, 940, 775, 628)
        ),
        preparation="Training and test part, whole messages; counts of the 2000 most frequent terms, tf-idf (1 + log "
        "of the counts, rows of length 1); in an order drawn with a fixed seed.",
        licence="none stated; CC BY 4.0 (UCI copy)",
        citation="Lang, NewsWeeder: learning to filter netnews, ICML 1995; by-date version of Rennie; UCI Machine "
        "Learning Repository, doi:10.24432/C5C323",
        sources=_20NEWS,
        folder="20newsgroups",
    ),
    Dataset(
        name="reuters10k",
        title="Reuters-10k",
        loader="rcv1",
        n=10000,
        d=2000,
        class_names=("CCAT", "GCAT", "MCAT", "ECAT"),
        class_counts=(4312, 2403, 2471, 814),
        preparation="RCV1-v2 documents in exactly one of the four root topics; counts of their 2000 most frequent "
        "terms, tf-idf (1 + log of the counts, rows of length 1) times sqrt(2000); the first 10000 of them, in an "
        "order drawn with a fixed seed.",
        licence="none stated for the token files; the news texts need an agreement with their owner",
        citation="Lewis, Yang, Rose and Li, RCV1: a new benchmark collection for text categorization research, JMLR 5, "
        "2004",
        sources=_RCV1,
        folder="rcv1",
        counts_stated=False,
    ),
)
