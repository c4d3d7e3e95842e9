"""Layers whose parameters carry a leading seed axis, and how they multiply."""
