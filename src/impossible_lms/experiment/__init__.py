"""Whole experiments: several stages, one command."""
