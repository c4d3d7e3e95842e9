"""Graphs on the points of a data set: as data, from the features, from files."""
