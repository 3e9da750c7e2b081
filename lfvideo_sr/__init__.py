"""lfvideo-sr: low-resolution video plus a few sharp references in, a sharp x4 stream out."""

__version__ = "0.1.0"
