"""From a token dataset to checkpoints."""
