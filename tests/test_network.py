"""A Hub that cannot be reached is found out at once, and its libraries then take what is in their cache."""

import socket
import time

import pytest
from huggingface_hub import constants

from impossible_lms import network
from impossible_lms.errors import UserError
from impossible_lms.network import cache_if_offline, hub_is_reachable
from impossible_lms.tokenizer import load_tokenizer


@pytest.fixture
def online(monkeypatch):
    """As on a machine without HF_HUB_OFFLINE and without a proxy."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(network, "getproxies", dict)
    return monkeypatch


def test_a_server_that_answers_is_reachable_and_nothing_is_switched(online):
    with socket.create_server(("127.0.0.1", 0)) as server:
        online.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert hub_is_reachable()
        with cache_if_offline():
            assert not constants.HF_HUB_OFFLINE


def test_where_nothing_answers_the_libraries_are_switched_for_the_block(online):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    online.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed}")
    assert not hub_is_reachable()
    with pytest.raises(KeyError), cache_if_offline():
        assert constants.HF_HUB_OFFLINE
        raise KeyError
    assert not constants.HF_HUB_OFFLINE
    online.setattr(network, "getproxies", lambda: {"http": "http://proxy:3128"})
    assert hub_is_reachable()  # for all that is known


def test_a_name_that_is_looked_up_for_long(online):
    online.setattr(network, "SECONDS", 0.05)

    def late(*arguments):
        time.sleep(0.5)
        raise OSError

    online.setattr(socket, "create_connection", late)
    assert not hub_is_reachable()


def test_a_tokenizer_that_is_neither_here_nor_to_be_had(online):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    online.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed}")
    with pytest.raises(UserError, match=r"the Hugging Face Hub \(which cannot be reached, and it is not in the cache"):
        load_tokenizer("some/one")
