"""
Tutorial: the library alone
===========================

Everything here needs ``from jcae import AECM`` and a CPU, no workflow and no config file. It takes about a minute. The
networks are small and the trainings short, so that it does; the numbers say how to read a result, not which method is
best.
"""

# %%
# Data
# ----
# An array of points, one per row. Labels are never given to a method; they serve to score what it found.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from jcae import AECM, Autoencoder, ClusteringModule, IsotropicMixture
from jcae.scores.metrics import accuracy, ari, n_clusters_found, nmi

X, y = load_digits(return_X_y=True)
X = X / 16  # pixels from 0 to 16
X.shape, len(np.unique(y))

# %%
# Fit
# ---
# AE-CM is an estimator as scikit-learn's are; ``AECM(n_clusters=10).fit(X)`` chooses everything else by the size of the
# data. Here it is said. ``hidden`` and ``code_dim`` are the autoencoder's widths; ``alpha``
# balances the clusters, ``beta`` weighs the reconstruction. Start with ``init="random"``: one loss from the first
# update to the last.

network = {"hidden": (64, 64, 256), "code_dim": 20, "alpha": 13, "beta": 0.5, "batch_size": 64, "device": "cpu"}
model = AECM(n_clusters=10, init="random", epochs=100, random_state=0, **network).fit(X)
print(f"{model.n_updates_} updates, status {model.status_}, loss {model.loss_:.1f}")

# %%
# Two kinds of labels
# -------------------
# ``labels_`` are the method's own: for each point the cluster with the largest responsibility. ``refit_labels_`` come
# from k-means on the code that it learned. A paper that prints one number means one of the two, and they can be far
# apart: here the code has taken shape after so few updates, and the assignment has not.


def scores(labels):
    """Score labels against the classes, in percent."""
    return {"ACC": 100 * accuracy(y, labels), "NMI": 100 * nmi(y, labels), "ARI": 100 * ari(y, labels)}


pd.DataFrame({"own": scores(model.labels_), "refit": scores(model.refit_labels_)}).T.round(1)

# %%
# Its own labels need many updates from a random start (count updates, not epochs), or a better start.
# ``init="pretrained"`` trains the autoencoder first, runs k-means on its code, trains the clustering module alone for
# ``module_epochs``, and then everything together.

recipe = Autoencoder(epochs=50)
pretrained = AECM(
    10, init="pretrained", autoencoder=recipe, module_epochs=20, epochs=60, random_state=0, **network
).fit(X)
pd.DataFrame({"own": scores(pretrained.labels_), "refit": scores(pretrained.refit_labels_)}).T.round(1)

# %%
# What a cluster looks like
# -------------------------
# Centroids lie in the space of the code; the decoder turns them into images.

images = pretrained.inverse_transform(pretrained.cluster_centers_)
figure, axes = plt.subplots(1, 10, figsize=(8, 1.3))
for k, axis in enumerate(axes):
    axis.imshow(images[k].reshape(8, 8), cmap="gray_r")
    axis.set_title(f"{np.sum(pretrained.labels_ == k)}", fontsize=9)
    axis.axis("off")
figure.suptitle("decoded centroids, and how many points each has", fontsize=10)
plt.show()

# %%
# The loss
# --------
# ``history_`` holds every term of the loss, epoch by epoch, for every phase of the training. Look at the terms, not at
# their sum: the prior has another unit than the reconstruction. A curve that still falls at its end asks for more
# epochs.

history = pd.DataFrame(pretrained.history_)
joint = history[history["phase"] == "joint"].pivot(index="epoch", columns="term", values="value")
axes = joint.plot(subplots=True, layout=(2, 3), figsize=(8, 4), legend=False, title=list(joint), xlabel="epoch")
plt.tight_layout()
plt.show()

# %%
# Choose alpha and the batch size together
# ----------------------------------------
# The prior acts on the mean assignment of a batch and is not scaled by its size: four times the batch wants about four
# times the alpha. Too small an alpha, and clusters die; too large, and all clusters are pushed to the same size until
# the centroids no longer sit in the data. Both can be seen without labels: count the clusters that have points, and
# measure how far points lie from their centroid. The clustering module alone shows it in seconds, with the same number
# of updates everywhere.

rows = []
for alpha in (2, 8, 32, 128):
    for batch_size in (32, 128):
        module = ClusteringModule(10, alpha=alpha, batch_size=batch_size, epochs=30 * batch_size // 32, device="cpu")
        fits = module.fit_seeds(X, [0, 1, 2])
        found = np.mean([n_clusters_found(fit.labels_) for fit in fits])
        distance = np.mean([((X - fit.cluster_centers_[fit.labels_]) ** 2).sum(1).mean() for fit in fits])
        rows.append({"alpha": alpha, "batch size": batch_size, "clusters": found, "squared distance": distance})
pd.DataFrame(rows).pivot(index="alpha", columns="batch size").round(2)

# %%
# For AE-CM the code itself depends on alpha and beta, so distances in the code cannot be compared between settings.
# Take a score in the data, such as the silhouette: ``jcae tune`` searches that way, without labels. Published values
# per data set are in ``AECM.info.presets``; ``AECM.published("mnist", n_clusters=10)`` takes one of them.
#
# Several seeds at once
# ---------------------
# One run says little. ``fit_seeds`` trains a block of seeds together and returns a fitted copy for each; on one thread
# a seed gets the same bits whichever seeds are beside it. So the first of these three is the fit from above.

estimator = AECM(10, init="pretrained", autoencoder=recipe, module_epochs=20, epochs=60, **network)
fits = estimator.fit_seeds(X, [0, 1, 2])
print("seed 0 as before:", np.array_equal(fits[0].labels_, pretrained.labels_))
pd.DataFrame([{"seed": seed, "loss": fit.loss_, **scores(fit.labels_)} for seed, fit in enumerate(fits)]).round(1)

# %%
# Without labels one keeps the run with the lowest loss. The best run by score is not a result, because only the labels
# can tell which it is. Report the mean and the spread.
#
# Against k-means and a mixture
# -----------------------------
# A deep method that is not above k-means on the raw data has not earned its training. ``IsotropicMixture`` is the
# Gaussian mixture that stands behind the clustering module.

methods = {
    "k-means": [KMeans(10, n_init=20, random_state=seed).fit(X) for seed in range(3)],
    "isotropic mixture": [IsotropicMixture(10, variance=None, random_state=seed).fit(X) for seed in range(3)],
    "AE-CM (pretrained)": fits,
}
rows = {}
for name, runs in methods.items():
    values = pd.DataFrame([scores(run.labels_) for run in runs])
    rows[name] = [f"{mean:.1f} ± {sd:.1f}" for mean, sd in zip(values.mean(), values.std(), strict=True)]
pd.DataFrame.from_dict(rows, orient="index", columns=["ACC", "NMI", "ARI"])

# %%
# Three seeds rank nothing: see :doc:`/statistics` for what so many seeds can show, and :doc:`/results` for longer
# trainings of all methods. :doc:`/reproducibility` says what repeats exactly. To compare methods properly, let the
# pipeline run them: :doc:`/configs`.
