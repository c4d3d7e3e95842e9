"""Competitors of the joint clustering autoencoder: one file, one method."""
