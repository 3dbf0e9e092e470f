"""What job scripts share. Ships inside every code bundle; standard library and the image's own libraries only."""

from jobkit.run import Run

__all__ = ["Run"]
