"""A Hub that cannot be reached, seen within seconds: the Hub's own libraries try for most of a minute."""

import importlib
import importlib.util
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

SECONDS = 3.0
SWITCHES = ("huggingface_hub.constants", "datasets.config")  # each has HF_HUB_OFFLINE


@contextmanager
def cache_if_offline() -> Iterator[None]:
    """While the block runs, the Hub's libraries take what is in their cache, if the Hub cannot be reached.

    It is what `HF_HUB_OFFLINE=1` tells them.
    """
    if hub_is_reachable():
        yield
        return
    there = [name for name in SWITCHES if importlib.util.find_spec(name.partition(".")[0])]
    modules: list[Any] = [importlib.import_module(name) for name in there]
    before = [module.HF_HUB_OFFLINE for module in modules]
    try:
        for module in modules:
            module.HF_HUB_OFFLINE = True
        yield
    finally:
        for module, value in zip(modules, before, strict=True):
            module.HF_HUB_OFFLINE = value


def hub_is_reachable() -> bool:
    """Whether a connection to the Hub (`HF_ENDPOINT`) comes about within SECONDS; behind a proxy, it is taken to be.

    False where HF_HUB_OFFLINE is set.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    address = urlsplit(constants.ENDPOINT)
    if address.scheme in getproxies():
        return True
    answered: list[bool] = []

    def connect() -> None:
        try:
            port = address.port or {"http": 80}.get(address.scheme, 443)
            socket.create_connection((address.hostname, port), SECONDS).close()
            answered.append(True)
        except OSError:
            pass

    # In a thread, for a name may be looked up for longer than any time limit of a connection.
    asking = Thread(target=connect, daemon=True)
    asking.start()
    asking.join(SECONDS)
    return bool(answered)
