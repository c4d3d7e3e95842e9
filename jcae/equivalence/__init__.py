"""The clustering module against the Gaussian mixture."""
