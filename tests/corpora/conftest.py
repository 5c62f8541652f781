"""A spaCy pipeline of the tests' own, trained in seconds on the built-in English."""

from pathlib import Path

import pytest

from impossible_lms import read_corpus

TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 32,
    "depth": 1,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}
TAGGER = {"@architectures": "spacy.Tagger.v2", "tok2vec": TOK2VEC}


def trained_pipeline(rows, folder: Path, *, steps: int, with_parser: bool) -> Path:
    """A pipeline trained on annotated sentences, two to a text, and saved in `folder`."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example
    from spacy.util import fix_random_seed

    fix_random_seed(0)
    nlp = spacy.blank("en")
    for name in ("tagger", "morphologizer", "trainable_lemmatizer"):
        nlp.add_pipe(name, config={"model": TAGGER})
    if with_parser:
        nlp.add_pipe("parser").cfg["min_action_freq"] = 1
    else:
        nlp.add_pipe("senter", config={"model": TAGGER})
    docs = []
    for row in rows:
        count = len(row["words"])
        heads = deps = None
        if with_parser:
            heads = [number - 1 if number else place for place, number in enumerate(row["head"])]
            deps = ["ROOT" if name == "root" else name for name in row["deprel"]]
        docs.append(
            Doc(
                nlp.vocab,
                words=row["words"],
                spaces=[*row["space_after"][:-1], True],
                lemmas=[lemma or form for lemma, form in zip(row["lemmas"], row["words"], strict=True)],
                pos=row["upos"],
                tags=row["xpos"],
                morphs=[features or "" for features in row["features"]],
                sent_starts=[True] + [False] * (count - 1),
                heads=heads,
                deps=deps,
            )
        )
    texts = [Doc.from_docs(docs[first : first + 2]) for first in range(0, len(docs), 2)]
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in texts]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(steps):
        for batch in spacy.util.minibatch(examples, 32):
            nlp.update(batch, sgd=optimizer)
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pipeline that tags, lemmatizes and divides texts into sentences. Tests must not change it."""
    rows = [row for _, block in read_corpus("grammar:sentences=300,seed=1").blocks() for row in block.to_pylist()]
    return trained_pipeline(rows, tmp_path_factory.mktemp("spacy") / "grammar", steps=6, with_parser=False)
