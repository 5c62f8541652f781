"""View: one tab of the page, what is chosen with on it and what is shown."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from impossible_lms.explorer.address import Chosen
from impossible_lms.explorer.given import Given


class View(ABC):
    """One tab.

    Attributes:
        name: as in the address.
        title: of the tab.
        names: what its inputs choose, by the names of `Chosen`.
        inputs: what is chosen with, one for each of the names.
        adjusted: those of the inputs whose range depends on what is chosen.
        buttons: each with what a click on it asks for (`Chosen.after`).
    """

    name: ClassVar[str]
    title: ClassVar[str]
    names: ClassVar[tuple[str, ...]]
    inputs: Sequence[Any]
    adjusted: Sequence[Any] = ()
    buttons: Sequence[tuple[Any, str]] = ()

    @abstractmethod
    def __init__(self, given: Given) -> None:
        """Make the components; `given` is what was given at the start."""

    def read(self, *values: Any) -> dict[str, object]:
        """What the inputs hold, by the names of `Chosen`; they come from the browser, and may hold anything."""
        return dict(zip(self.names, values, strict=True))

    def write(self, chosen: Chosen) -> list[Any]:
        """What the inputs are to hold."""
        return [getattr(chosen, name) for name in self.names]

    def adjust(self, chosen: Chosen) -> list[Any]:
        """What those of the `adjusted` are to hold."""
        return []

    def missing(self, chosen: Chosen) -> list[str]:
        """What an address names that is not there to be chosen."""
        return []

    @abstractmethod
    def shown(self, chosen: Chosen) -> str:
        """What is shown, as HTML; UserError where it cannot be."""
