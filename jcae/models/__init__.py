"""The estimators: the autoencoder, the clustering module, AE-CM, the mixture."""
