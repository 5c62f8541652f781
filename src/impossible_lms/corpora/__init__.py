"""Where sentences come from."""

from impossible_lms.corpora.corpus import Corpus, corpus_of, read_corpus

__all__ = ["Corpus", "corpus_of", "read_corpus"]
