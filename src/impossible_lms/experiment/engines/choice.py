"""The choice of an engine: what `--engine` says, and the parts and the engine that follow from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impossible_lms.errors import UserError
from impossible_lms.experiment.engines.engine import Engine

if TYPE_CHECKING:
    from impossible_lms.experiment.plan import Plan

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

    def engine(self, plan: "Plan", memory: float | None, say: Callable[[str], None]) -> Callable[[Path], Engine]:
        """Makes a plan's engine from its folder; `memory` in GiB is what a task may need, for Ray.

        Without a number the local engine has as many processes as this machine's GPUs hold; `say` is told why.
        """
        if self.name == RAY:
            from impossible_lms.experiment.engines.ray import RayEngine

            return lambda folder: RayEngine(folder, self.address, plan.devices, memory)
        if memory is not None:
            raise UserError("--memory: the local engine does not use it. Leave it out.")

        def local(folder: Path) -> Engine:
            from impossible_lms.experiment.engines.local import LocalEngine
            from impossible_lms.experiment.engines.sharing import workers_here

            if self.count is not None:
                return LocalEngine(folder, self.count, plan.devices)
            count, why = workers_here(plan)
            if why:
                say(why)
            return LocalEngine(folder, count, plan.devices)

        return local
