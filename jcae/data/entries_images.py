"""Facts about the image data sets."""

from jcae.data.facts import Dataset, Source, sources

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

_CIFAR10 = (
    Source(
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    ),
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
    Dataset(
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
        name="cifar10",
        title="CIFAR-10",
        loader="cifar10",
        n=60000,
        d=3072,
        class_names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        class_counts=(6000,) * 10,
        preparation="The five training batches, then the test batch; pixels divided by 255, in [0, 1]; row by row, "
        "red, green and blue of a pixel side by side.",
        licence="none stated",
        citation="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, technical report, University of "
        "Toronto, 2009",
        sources=_CIFAR10,
        folder="cifar10",
        n_train=50000,
    ),
)
