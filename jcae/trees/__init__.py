"""Hierarchies of clusters: trees, and how they are made."""
