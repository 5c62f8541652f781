"""From checkpoints to tidy tables."""
