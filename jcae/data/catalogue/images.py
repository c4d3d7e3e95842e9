"""Facts about the image data sets."""

from dataclasses import replace

from jcae.data.facts import Dataset, Source, by_md5, sources

_DIGITS = tuple("0123456789")

_MNIST = sources(
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/{}.gz",
        "https://storage.googleapis.com/cvdf-datasets/mnist/{}.gz",
        "https://yann.lecun.com/exdb/mnist/{}.gz",
    ),
    **{
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)

_FASHION_MNIST = sources(
    (
        # The bucket's website endpoint, which most code names, speaks plain http only; this is the same bucket.
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/{}.gz",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/{}.gz",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/{}.gz",
    ),
    **{
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
)

_USPS = sources(
    (
        "https://hastie.su.domains/ElemStatLearn/datasets/{}.gz",
        "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/{}.gz",
    ),
    **{
        "zip.train": "abc9f5c75b997cabe66b5d01727d5a681c69298e1641a8d37b55433a52129dc0",
        "zip.test": "6bde17b4f1cd68e0630cd2751d6495b5795d9165ab2dc4a0be8b7002b732f4cc",
    },
)

# Addresses and md5 sums of KMNIST, EMNIST and QMNIST are those that torchvision states; a test keeps them so. They are
# sums of the files as they are served, hence the names with `.gz`.
_KMNIST = by_md5(
    "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    **{
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
    },
)

_EMNIST = by_md5("https://biometrics.nist.gov/cs_links/EMNIST/", **{"gzip.zip": "58c8d27c78d21e728a6bc7b3cc06412e"})

_QMNIST = by_md5(
    "https://raw.githubusercontent.com/facebookresearch/qmnist/master/",
    **{
        "qmnist-train-images-idx3-ubyte.gz": "ed72d4157d28c017586c42bc6afe6370",
        "qmnist-train-labels-idx2-int.gz": "0058f8dd561b90ffdd0f734c6a30e5e4",
        "qmnist-test-images-idx3-ubyte.gz": "1394631089c404de565df7b7aeaf9412",
        "qmnist-test-labels-idx2-int.gz": "5b5b05890a5e13444e108efe57b788aa",
    },
)

_OPTDIGITS_PLACE = "https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/"
_OPTDIGITS = (
    Source("optdigits.tra", None, (_OPTDIGITS_PLACE + "optdigits.tra",), md5="268ce7771f3f15afbc54402478b1d454"),
    Source(
        "optdigits.tes",
        "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
        (_OPTDIGITS_PLACE + "optdigits.tes",),
    ),
)

# Address of the copy and checksum are those that scikit-learn states; a test keeps them so.
_ORL = (
    Source(
        "olivettifaces.mat",
        "b612fb967f2dc77c9c62d3e1266e0c73d5fca46a4b8906c18e454d41af987794",
        ("https://cs.nyu.edu/~roweis/data/olivettifaces.mat", "https://ndownloader.figshare.com/files/5976027"),
    ),
)

MNIST = Dataset(
    name="mnist",
    title="MNIST",
    loader="mnist",
    n=70000,
    d=784,
    class_names=_DIGITS,
    class_counts=(6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958),
    preparation="Training then test part; pixels divided by 255, in [0, 1].",
    licence="CC BY-SA 3.0",
    citation="LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, "
    "Proceedings of the IEEE 86(11), 1998, doi:10.1109/5.726791",
    sources=_MNIST,
    folder="mnist",
    image_shape=(28, 28),
    n_train=60000,
)

IMAGES = (
    Dataset(
        name="digits",
        title="Digits",
        loader="digits",
        n=1797,
        d=64,
        class_names=_DIGITS,
        class_counts=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
        preparation="Pixels divided by 16, in [0, 1].",
        licence="CC BY 4.0 (UCI)",
        citation="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, "
        "1998, doi:10.24432/C50P49; test part, as bundled with scikit-learn",
        image_shape=(8, 8),
    ),
    Dataset(
        name="optdigits",
        title="Optdigits",
        loader="optdigits",
        n=5620,
        d=64,
        class_names=_DIGITS,
        class_counts=(554, 571, 557, 572, 568, 558, 558, 566, 554, 562),
        preparation="Training then test part (the latter is `digits`); pixels divided by 16, in [0, 1].",
        licence="CC BY 4.0 (UCI)",
        citation="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, "
        "1998, doi:10.24432/C50P49",
        sources=_OPTDIGITS,
        folder="optdigits",
        image_shape=(8, 8),
        n_train=3823,
    ),
    Dataset(
        name="usps",
        title="USPS",
        loader="usps",
        n=9298,
        d=256,
        class_names=_DIGITS,
        class_counts=(1553, 1269, 929, 824, 852, 716, 834, 792, 708, 821),
        preparation="Training then test part; (value + 1) / 2, in [0, 1]: the 0..2 files of the DEC family divided by "
        "their maximum.",
        licence="none stated",
        citation="Hull, A database for handwritten text recognition research, IEEE TPAMI 16(5), 1994, "
        "doi:10.1109/34.291440; text form of Hastie, Tibshirani and Friedman, The Elements of Statistical Learning",
        sources=_USPS,
        folder="usps",
        image_shape=(16, 16),
        n_train=7291,
    ),
    MNIST,
    replace(
        MNIST,
        name="mnist_16",
        title="MNIST 16 × 16",
        loader="mnist_16",
        d=256,
        preparation="MNIST in the size of USPS: a pixel is the mean of the square of 1.75 × 1.75 pixels that it "
        "covers; training then test part; divided by 255, in [0, 1].",
        image_shape=(16, 16),
    ),
    replace(
        MNIST,
        name="mnist_box_16",
        title="MNIST digits 16 × 16",
        loader="mnist_box_16",
        d=256,
        preparation="The box of 20 × 20 pixels that a digit of MNIST fills, in 16 × 16: a pixel is the mean of the "
        "square of 1.25 × 1.25 pixels that it covers; training then test part; divided by 255, in [0, 1].",
        image_shape=(16, 16),
    ),
    replace(
        MNIST,
        name="mnist_rotated",
        title="MNIST, rotated",
        loader="mnist_rotated",
        preparation="MNIST turned by 30 degrees counter-clockwise, bilinearly, in whole grey values; training then "
        "test part; divided by 255, in [0, 1].",
    ),
    Dataset(
        name="qmnist",
        title="QMNIST",
        loader="qmnist",
        n=120000,
        d=784,
        class_names=_DIGITS,
        class_counts=(),
        preparation="Training part (MNIST's, made again from the scans), then the whole test part (MNIST's and the "
        "50000 digits that it had lost); pixels divided by 255, in [0, 1].",
        licence="BSD 3-clause",
        citation="Yadav and Bottou, Cold case: the lost MNIST digits, NeurIPS 2019, arXiv:1905.10498",
        sources=_QMNIST,
        folder="qmnist",
        image_shape=(28, 28),
        n_train=60000,
    ),
    Dataset(
        name="fashion_mnist",
        title="Fashion-MNIST",
        loader="mnist",
        n=70000,
        d=784,
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        class_counts=(7000,) * 10,
        preparation="Training then test part; pixels divided by 255, in [0, 1].",
        licence="MIT",
        citation="Xiao, Rasul and Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning "
        "algorithms, 2017, arXiv:1708.07747",
        sources=_FASHION_MNIST,
        folder="fashion-mnist",
        image_shape=(28, 28),
        n_train=60000,
    ),
    Dataset(
        name="kmnist",
        title="Kuzushiji-MNIST",
        loader="mnist",
        n=70000,
        d=784,
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        class_counts=(7000,) * 10,
        preparation="Training then test part; pixels divided by 255, in [0, 1].",
        licence="CC BY-SA 4.0",
        citation="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha, Deep learning for classical Japanese "
        "literature, 2018, arXiv:1812.01718",
        sources=_KMNIST,
        folder="kmnist",
        image_shape=(28, 28),
        n_train=60000,
    ),
    Dataset(
        name="emnist_letters",
        title="EMNIST letters",
        loader="emnist_letters",
        n=145600,
        d=784,
        class_names=tuple("abcdefghijklmnopqrstuvwxyz"),
        class_counts=(5600,) * 26,
        preparation="The part of letters, small and capital ones in one class; training then test part; images turned "
        "upright, which are stored transposed; pixels divided by 255, in [0, 1].",
        licence="none stated",
        citation="Cohen, Afshar, Tapson and van Schaik, EMNIST: extending MNIST to handwritten letters, IJCNN 2017, "
        "arXiv:1702.05373",
        sources=_EMNIST,
        folder="emnist",
        image_shape=(28, 28),
        n_train=124800,
    ),
    Dataset(
        name="orl",
        title="ORL faces",
        loader="orl",
        n=400,
        d=4096,
        class_names=tuple(f"person {i}" for i in range(1, 41)),
        class_counts=(10,) * 40,
        preparation="The form of Roweis, known as the Olivetti faces, as scikit-learn prepares it: the smallest value "
        "of all pixels becomes 0, the greatest 1.",
        licence="none stated; credit AT&T Laboratories Cambridge",
        citation="Samaria and Harter, Parameterisation of a stochastic model for human face identification, IEEE "
        "Workshop on Applications of Computer Vision, 1994, doi:10.1109/ACV.1994.341300",
        sources=_ORL,
        folder="orl",
        image_shape=(64, 64),
    ),
)
