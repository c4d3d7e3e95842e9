"""From documents to numbers."""

import gzip
import math
import tracemalloc

import numpy as np
import pytest
from data_files import tar, tokens, topics
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.formats import DataError, DataFormatError, read_tar
from jcae.data.loaders import LOADERS
from jcae.data.loaders.text import ROOT_TOPICS, read_root_topics, read_tokens, tfidf

TEXTS = [
    "The cat sat; the CAT stood. a I 1 22 l'été naïve",
    "dog_1 dog_1 dog-2 22 x cat",
    "zebra",
    "",
    "the the the the the dog cat naïve",
]


def by_scikit_learn(texts, terms):
    counts = CountVectorizer(max_features=terms, dtype=np.float64)
    X = TfidfTransformer(norm="l2", sublinear_tf=True).fit_transform(counts.fit_transform(texts))
    return X.toarray(), counts.get_feature_names_out().tolist()


def test_weights_are_those_of_scikit_learn():
    expected, names = by_scikit_learn(TEXTS, None)
    X, vocabulary = tfidf(iter(TEXTS), len(names), "here")
    assert vocabulary == names
    assert X.dtype == np.float32
    np.testing.assert_allclose(X, expected, rtol=1e-6)


def test_the_most_frequent_terms_are_taken_and_ties_go_by_the_alphabet():
    X, vocabulary = tfidf(["bb aa cc cc", "dd bb aa"], 2, "here")
    assert vocabulary == ["aa", "bb"]
    assert X.shape == (2, 2)
    assert tfidf(["bb aa cc cc cc", "dd bb aa"], 2, "here")[1] == ["aa", "cc"]


def test_document_without_a_chosen_term_is_a_row_of_zeros():
    X, _ = tfidf(["aa aa bb", "zebra", "", "aa"], 1, "here")
    np.testing.assert_array_equal(X, [[1], [0], [0], [1]])


def test_frequencies_are_those_of_all_documents_when_only_the_first_are_kept():
    whole, names = tfidf(TEXTS, 4, "here")
    part, same = tfidf(TEXTS, 4, "here", first=2, scale=3.0)
    assert same == names
    np.testing.assert_allclose(part, 3 * whole[:2], rtol=1e-6)
    # A term that appears only after the kept documents has a column all the same.
    X, vocabulary = tfidf(["aa", "bb bb bb"], 2, "here", first=1)
    assert vocabulary == ["aa", "bb"]
    np.testing.assert_array_equal(X, [[1, 0]])


def test_too_few_documents_or_terms():
    with pytest.raises(DataError, match=r"^here: 2 different terms, fewer than 3"):
        tfidf(["aa bb"], 3, "here")
    with pytest.raises(DataError, match=r"^here: 1 documents, fewer than 2"):
        tfidf(["aa bb"], 1, "here", first=2)
    with pytest.raises(DataError, match=r"^here: 0 documents"):
        tfidf([], 1, "here")


def message(part, group, number, text):
    return f"20news-bydate-{part}/{group}/{number}", text.encode("latin-1")


MESSAGES = [
    message("train", "sci.space", 10, "moon moon orbit"),
    message("train", "sci.space", 9, "moon naïve"),
    message("test", "rec.autos", 3, "car car engine"),
    message("train", "rec.autos", 7, "car car engine"),  # the same words twice: kept
    message("test", "sci.space", 4, ""),
]


def test_newsgroups_do_not_hang_on_the_order_of_the_archive(tmp_path):
    load = LOADERS["newsgroups"]
    X, y = load([tar(tmp_path / "a.tar.gz", *MESSAGES, ("20news-bydate-test/readme", b"x"))], terms=4)
    assert (X.shape, X.dtype) == ((5, 4), np.float32)
    assert sorted(y.tolist()) == ["rec.autos"] * 2 + ["sci.space"] * 3
    assert (X.any(axis=1)).sum() == 4
    for label, row in zip(y, X, strict=True):  # car, engine, moon, naïve; or nothing
        assert bool(row[:2].any()) == (label == "rec.autos")
    X2, y2 = load([tar(tmp_path / "b.tar.gz", *reversed(MESSAGES))], terms=4)
    np.testing.assert_array_equal(X, X2)
    np.testing.assert_array_equal(y, y2)
    with pytest.raises(DataFormatError, match=r"c\.tar\.gz: the archive holds no messages 20news-bydate-train/"):
        load([tar(tmp_path / "c.tar.gz", ("other/x", b"y"))])


@pytest.fixture(scope="module")
def real_messages(mirror, tmp_path_factory):
    folder = tmp_path_factory.mktemp("newsgroups")
    return fetch(CATALOGUE["newsgroups"], folder, mirror=mirror)


@pytest.mark.slow
def test_newsgroups_real_vocabulary(real_messages):
    """What scikit-learn, which documents these numbers, finds in the same messages."""
    documents = {name: content.decode("latin-1") for name, content in read_tar(real_messages[0], lambda name: True)}
    assert len(documents) == 18846
    train = [text for name, text in documents.items() if name.startswith("20news-bydate-train/")]
    assert len(train) == 11314
    assert len(CountVectorizer().fit(train).vocabulary_) == 130107
    names = sorted(documents)
    X, own = tfidf((documents[name] for name in names), 2000, "here")
    assert {"the", "god", "windows", "space"} < set(own)
    # The last places are shared by terms of equal frequency; scikit-learn's unstable sort takes any of them.
    counter = CountVectorizer()
    frequency = np.asarray(counter.fit_transform(documents.values()).sum(axis=0))[0]
    theirs = set(CountVectorizer(max_features=2000).fit(documents.values()).vocabulary_)
    assert len({int(frequency[counter.vocabulary_[term]]) for term in set(own) ^ theirs}) <= 1
    assert len(set(own) & theirs) >= 1998
    counts = CountVectorizer(vocabulary=own).transform(documents[name] for name in names)
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    np.testing.assert_allclose(X, expected.toarray(), rtol=1e-5, atol=1e-7)


# Document 5 is under two roots, 6 under a topic that is no root and no root at all.
QRELS = [("E11", 1), ("ECAT", 1), ("M11", 2), ("MCAT", 2), ("CCAT", 3), ("GCAT", 4), ("CCAT", 5), ("GCAT", 5), ("X", 6)]
QRELS += [("GCAT", 7), ("CCAT", 3)]
DOCUMENTS = [
    (3, ["aa", "aa", "bb"]),
    (5, ["zz"] * 50),
    (1, ["bb", "cc"] * 8),
    (6, ["zz"] * 50),
    (8, ["zz"] * 50),  # in no topic
    (2, []),
    (4, ["q"]),  # one letter: no term
    (7, ["cc", "dd"]),
]


@pytest.fixture
def rcv1_files(tmp_path):
    return [
        topics(tmp_path / "rcv1-v2.topics.qrels.gz", QRELS),
        tokens(tmp_path / "test_pt0.dat.gz", DOCUMENTS[:4]),
        tokens(tmp_path / "train.dat.gz", DOCUMENTS[4:]),
    ]


def test_root_topics(rcv1_files):
    assert read_root_topics(rcv1_files[0]) == {1: 3, 2: 2, 3: 0, 4: 1, 5: -1, 7: 1}


def test_token_files_are_read_one_document_at_a_time(rcv1_files):
    assert list(read_tokens(rcv1_files[1])) == [(number, " ".join(words)) for number, words in DOCUMENTS[:4]]


@pytest.mark.parametrize("documents", [3, 5])
def test_rcv1(rcv1_files, documents):
    X, y = LOADERS["rcv1"](rcv1_files, terms=3, documents=documents)
    kept = [(3, "aa aa bb"), (1, "bb cc " * 8), (2, ""), (4, "q"), (7, "cc dd")]
    expected, vocabulary = by_scikit_learn([text for _, text in kept], None)
    columns = [vocabulary.index(term) for term in ("aa", "bb", "cc")]
    order = np.random.RandomState(1234).permutation(documents)
    assert y.tolist() == [[0, 3, 2, 1, 1][i] for i in order]
    # Normalised over the chosen terms only: dd does not count.
    chosen = expected[:documents, columns]
    length = np.linalg.norm(chosen, axis=1, keepdims=True)
    chosen = np.divide(chosen, length, out=np.zeros_like(chosen), where=length > 0)
    np.testing.assert_allclose(X, math.sqrt(3) * chosen[order], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), math.sqrt(3) * (length[order, 0] > 0), rtol=1e-6)


def test_rcv1_refusals(rcv1_files, tmp_path):
    load = LOADERS["rcv1"]
    with pytest.raises(DataFormatError, match=r"3 documents of rcv1-v2\.topics\.qrels\.gz are in none of the token"):
        load(rcv1_files[:2], terms=3, documents=2)
    with pytest.raises(DataFormatError, match=r"train\.dat\.gz: document 2 comes a second time"):
        load([*rcv1_files, rcv1_files[2]], terms=3, documents=5)
    with pytest.raises(DataError, match="5 documents, fewer than 6"):
        load(rcv1_files, terms=3, documents=6)
    with pytest.raises(DataError, match="4 different terms, fewer than 5"):
        load(rcv1_files, terms=5, documents=5)


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (gzip.compress(b"CCAT 1\n"), "line 1 is not `topic document 1`"),
        (gzip.compress(b"E11 1 1\nCCAT x 1\n"), "line 2 is not"),
        (gzip.compress(b"CCAT 1 0\n"), "third field '0'"),
        (gzip.compress(b"E11 1 1\n"), "no document in any of CCAT, GCAT, MCAT, ECAT"),
        (gzip.compress(b""), "no document"),
        (b"<html>", "damaged or cut off gzip"),
        (gzip.compress(b"CCAT 1 1\n" * 99)[:-9], "damaged or cut off gzip"),
    ],
)
def test_root_topics_refusals(content, say, tmp_path):
    (tmp_path / "q.gz").write_bytes(content)
    with pytest.raises(DataFormatError, match=rf"q\.gz: .*{say}"):
        read_root_topics(tmp_path / "q.gz")


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (gzip.compress(b"hello\n.I 1\n"), "line 1 comes before any `.I number`: 'hello"),
        (gzip.compress(b".I 1\n.W\na\n\n.I x\n"), "line 5 is not `.I number`"),
        (gzip.compress(b""), "no document"),
        (gzip.compress(b".I 1\n.W\n" + b"words\n" * 99)[:-9], "damaged or cut off gzip"),
    ],
)
def test_token_refusals(content, say, tmp_path):
    (tmp_path / "t.gz").write_bytes(content)
    with pytest.raises(DataFormatError, match=rf"t\.gz: .*{say}"):
        list(read_tokens(tmp_path / "t.gz"))


@pytest.mark.slow
def test_rcv1_needs_memory_for_what_it_keeps_and_not_for_what_it_reads(tmp_path):
    """12000 documents of 60 words out of 3000, of which 100 are kept."""
    n, words, kept = 12000, 3000, 100
    random = np.random.RandomState(0)
    vocabulary = np.array([f"word{i:04}" for i in range(words)])
    drawn = vocabulary[(words * random.random_sample((n, 60)) ** 2).astype(int)]
    files = [
        topics(tmp_path / "q.gz", ((ROOT_TOPICS[i % 4], i) for i in range(n))),
        tokens(tmp_path / "t.gz", ((i, drawn[i].tolist()) for i in range(n))),
    ]
    del drawn
    tracemalloc.start()
    try:
        X, y = LOADERS["rcv1"](files, terms=200, documents=kept)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert X.shape == (kept, 200)
    assert np.bincount(y).tolist() == [25] * 4
    text = n * 60 * len("word0000 ")
    assert peak < 4e6 < text / 1.5 < n * words * 4 / 20, "neither the text nor a dense table is ever held"
