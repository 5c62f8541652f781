"""A page on this machine: a sentence in every language, its surprisal under models, results and their sentences."""
