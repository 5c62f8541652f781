"""The choice of an engine: what `--engine` says, and the parts and the engine that follow from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from impossible_lms.errors import UserError
from impossible_lms.experiment.engines.engine import Engine

LOCAL, RAY, SLURM = "local", "ray", "slurm"
FORMS = {LOCAL: "local, local:N", RAY: "ray, ray:ADDRESS", SLURM: "slurm, slurm:N"}


@dataclass(frozen=True)
class Choice:
    """An engine: its name, and of `local:N` and `slurm:N` the number, of `ray:ADDRESS` the address."""

    name: str
    count: int | None = None
    address: str = ""

    @classmethod
    def of(cls, spec: str, known: Sequence[str] = tuple(FORMS)) -> "Choice":
        """What `--engine SPEC` asks for; UserError for anything but the `known` ones."""
        name, colon, rest = spec.partition(":")
        if name in known and (rest or not colon):
            if name == RAY:
                return cls(name, address=rest)
            if not rest or (rest.isdecimal() and int(rest) > 0):
                return cls(name, int(rest) if rest else None)
        raise UserError(f"--engine {spec}: unknown. Known: {', '.join(FORMS[each] for each in known)}.")

    def parts(self, languages: int) -> int:
        """In how many parts so many languages are built beside each other; each reads the corpus once.

        One for each process of `local:N` and each node of a cluster of Ray, which is connected for that; `slurm` alone
        does not know its nodes, and builds each language by itself.
        """
        if self.name == RAY:
            from impossible_lms.experiment.engines.ray import connect, nodes_of

            return max(1, len(nodes_of(connect(self.address))))
        return self.count or (languages if self.name == SLURM else 1)

    def engine(self, devices: int, memory: float | None) -> Callable[[Path], Engine]:
        """Makes the engine from an experiment's folder; `memory` in GiB is what a task may need, for Ray."""
        if self.name == RAY:
            from impossible_lms.experiment.engines.ray import RayEngine

            return lambda folder: RayEngine(folder, self.address, devices, memory)
        if memory is not None:
            raise UserError("--memory: the local engine does not use it. Leave it out.")
        from impossible_lms.experiment.engines.local import LocalEngine

        return lambda folder: LocalEngine(folder, self.count, devices)
