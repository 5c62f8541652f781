"""Ragged does to flat arrays what the same operation does to lists of lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impossible_lms.ragged import Ragged

lists = st.lists(st.lists(st.integers(0, 60_000), max_size=6), max_size=8)


def back(ragged: Ragged) -> list[list[int]]:
    return [sequence.tolist() for sequence in ragged]


@given(lists)
def test_of_and_back(sequences):
    ragged = Ragged.of(sequences)
    assert back(ragged) == sequences
    assert ragged.lengths().tolist() == [len(sequence) for sequence in sequences]
    assert ragged.place().tolist() == [place for sequence in sequences for place in range(len(sequence))]


@given(lists, st.data())
def test_insert_take_join(sequences, data):
    ragged = Ragged.of(sequences)
    places = [data.draw(st.integers(0, len(sequence))) for sequence in sequences]
    inserted = ragged.insert(np.arange(len(sequences)), np.array(places, dtype=np.int64), 7)
    assert back(inserted) == [[*s[:p], 7, *s[p:]] for s, p in zip(sequences, places, strict=True)]
    mask = np.array([data.draw(st.booleans()) for _ in sequences], dtype=bool)
    assert back(ragged.take(mask)) == [s for s, kept in zip(sequences, mask, strict=True) if kept]
    order = data.draw(st.permutations(range(len(sequences))))
    assert back(ragged.take(np.array(order, dtype=np.int64))) == [sequences[index] for index in order]
    assert back(Ragged.join([ragged, inserted])) == sequences + back(inserted)


@given(lists)
def test_scatter_moves_elements_inside_their_sequence(sequences):
    ragged = Ragged.of(sequences)
    mirrored = ragged.scatter(ragged.spread(ragged.lengths()) - 1 - ragged.place())
    assert back(mirrored) == [sequence[::-1] for sequence in sequences]
    assert back(ragged) == sequences


def test_a_value_that_does_not_fit_is_never_wrapped():
    with pytest.raises(OverflowError):
        Ragged.of([[65_536]], dtype=np.uint16)


@pytest.mark.parametrize("offsets", [[1, 2], [0, 3, 2], [0, 1]])
def test_offsets_that_do_not_cut_the_values_are_refused(offsets):
    with pytest.raises(ValueError, match="offsets must rise"):
        Ragged(np.arange(2), np.array(offsets))


def test_several_elements_at_one_place_keep_their_order():
    ragged = Ragged.of([[1, 2], [], [3]])
    woven = ragged.insert(np.array([0, 0, 1, 2]), np.array([1, 1, 0, 1]), np.array([7, 8, 9, 6]))
    assert back(woven) == [[1, 7, 8, 2], [9], [3, 6]]
