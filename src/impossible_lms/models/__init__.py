"""Architectures, run folders and checkpoints."""
