"""What the names of published models say, and what they do not."""

import pytest

from impossible_lms.models.model_name import said_by


@pytest.mark.parametrize(
    ("name", "language", "human"),
    [
        ("partial-reverse-gpt2-no-pos", "partial-reverse", ""),
        ("no-shuffle-gpt2-seed41", "no-shuffle", ""),
        ("es-no-reverse-gpt2", "no-reverse", "es"),
        ("zh-hans-local-shuffle-w7-gpt2-no-pos-seed3", "local-shuffle-w7", "zh-hans"),
        ("de-token-hop-VERB.Number-gpt2@checkpoint-500", "token-hop-VERB.Number", "de"),
        ("swap-neighbours-gpt2", "swap-neighbours", ""),  # a language whose code is not here
        ("no-reverse", "no-reverse", ""),
        ("pythia-70m", "pythia-70m", ""),
        ("pythia-70m@step1000", "pythia-70m@step1000", ""),
        ("a-model-of-no-reverse", "a-model-of-no-reverse", ""),  # no architecture of ours
    ],
)
def test_a_name_says_its_language_and_its_corpus(name, language, human):
    assert said_by(name)[:2] == (language, human)
