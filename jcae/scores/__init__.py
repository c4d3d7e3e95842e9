"""Scores of runs, and what figures need of them."""
