"""Energy: joules that the devices and processors of a run have used, where the machine lets them be read."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_POWERCAP = Path("/sys/class/powercap")


class EnergyMeter:
    """Counts joules since it was made. `source` says what is counted, or that nothing can be read.

    On a GPU NVML's counter of that device; beside it, once a node, RAPL's counters of the processor packages, which
    count everything that runs there.
    """

    def __init__(self, device: "torch.device", counts_processors: bool, powercap: Path = _POWERCAP) -> None:
        self._nvml = _nvml_counter(device) if device.type == "cuda" else None
        self._packages = [path for path in _packages(powercap) if counts_processors]
        self._last = {path: _microjoules(path / "energy_uj") for path in self._packages}
        self._packages_total = 0.0
        self._first_nvml = self._nvml_joules()
        counted = [name for name, there in (("NVML", self._nvml), ("RAPL", self._packages)) if there]
        self.source = " and ".join(counted) if counted else "not readable on this machine"

    @property
    def reads(self) -> bool:
        """Whether anything can be read."""
        return self._nvml is not None or bool(self._packages)

    def joules(self) -> float:
        """Since the meter was made; read it more often than a counter runs over (minutes to hours)."""
        for path in self._packages:
            now = _microjoules(path / "energy_uj")
            used = now - self._last[path]
            self._packages_total += (used if used >= 0 else used + _microjoules(path / "max_energy_range_uj")) / 1e6
            self._last[path] = now
        return self._packages_total + self._nvml_joules() - self._first_nvml

    def _nvml_joules(self) -> float:
        return self._nvml() if self._nvml is not None else 0.0


def _packages(powercap: Path) -> list[Path]:
    """RAPL's domains of whole packages whose counter this user may read (often root alone)."""
    found = []
    for path in sorted(powercap.glob("intel-rapl:*")):
        if path.name.count(":") == 1:
            try:
                _microjoules(path / "energy_uj")
            except OSError:
                continue
            found.append(path)
    return found


def _microjoules(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


def _nvml_counter(device: "torch.device") -> Callable[[], float] | None:
    """A function that reads the joules a GPU has used since the driver was loaded; None where NVML cannot say."""
    import torch

    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError:
        return None
    return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000
