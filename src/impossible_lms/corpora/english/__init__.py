"""The grammar behind the built-in corpus: its words, its weights, and how sentences are drawn."""
