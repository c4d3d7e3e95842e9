"""Facts about the sets of colour images."""

from jcae.data.facts import Dataset, Source, by_md5

_CIFAR10 = (
    Source(
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    ),
)

# md5 as on the page of the data. torchvision describes the pickled archive beside it, which is not read here.
_CIFAR100 = by_md5(
    "https://www.cs.toronto.edu/~kriz/", **{"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"}
)

# Addresses and md5 sums of SVHN and STL-10 are those that torchvision states, with https; a test keeps them so.
_SVHN = by_md5(
    "https://ufldl.stanford.edu/housenumbers/",
    **{
        "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
        "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
    },
)

_STL10 = by_md5(
    "https://ai.stanford.edu/~acoates/stl10/", **{"stl10_binary.tar.gz": "91f7769df0f17e558f3565bffb0c7dfb"}
)

_CIFAR100_CLASSES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
    castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
    elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
    man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
    pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
    tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

COLOUR = (
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
        image_shape=(32, 32, 3),
        n_train=50000,
    ),
    Dataset(
        name="cifar100",
        title="CIFAR-100",
        loader="cifar100",
        n=60000,
        d=3072,
        class_names=tuple(_CIFAR100_CLASSES.split()),
        class_counts=(600,) * 100,
        preparation="Training then test part, with the 100 fine classes; pixels divided by 255, in [0, 1]; row by row, "
        "red, green and blue of a pixel side by side.",
        licence="none stated",
        citation="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, technical report, University of "
        "Toronto, 2009",
        sources=_CIFAR100,
        folder="cifar100",
        image_shape=(32, 32, 3),
        n_train=50000,
    ),
    Dataset(
        name="svhn",
        title="SVHN",
        loader="svhn",
        n=99289,
        d=3072,
        class_names=tuple("0123456789"),
        class_counts=(6692, 18960, 14734, 11379, 9981, 9266, 7704, 7614, 6705, 6254),
        preparation="Cropped digits, training then test part, without the extra part; the digit 0, which is labelled "
        "10, is class 0; pixels divided by 255, in [0, 1]; row by row, red, green and blue of a pixel side by side.",
        licence="non-commercial use only",
        citation="Netzer, Wang, Coates, Bissacco, Wu and Ng, Reading digits in natural images with unsupervised "
        "feature learning, NIPS Workshop on Deep Learning and Unsupervised Feature Learning, 2011",
        sources=_SVHN,
        folder="svhn",
        image_shape=(32, 32, 3),
        n_train=73257,
    ),
    Dataset(
        name="stl10",
        title="STL-10",
        loader="stl10",
        n=13000,
        d=27648,
        class_names=("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
        class_counts=(1300,) * 10,
        preparation="Training then test part, without the unlabelled part; pixels divided by 255, in [0, 1]; row by "
        "row, red, green and blue of a pixel side by side.",
        licence="none stated",
        citation="Coates, Lee and Ng, An analysis of single-layer networks in unsupervised feature learning, AISTATS "
        "2011",
        sources=_STL10,
        folder="stl10",
        image_shape=(96, 96, 3),
        n_train=5000,
    ),
)
