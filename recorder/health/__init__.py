"""Checks that the recorder makes itself: of what all pods of a node depend on, and of its certificates."""
