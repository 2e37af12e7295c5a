"""Energy as the hardware counts it: NVIDIA's counter of millijoules since the driver was loaded
(NVML, from Volta on), and Intel's and AMD's counter of microjoules of each CPU package (RAPL, as
Linux shows it).

    with measure_energy() as energy:
        client.generate("local:…", …)
    energy.joules       # {"NVIDIA H100 80GB HBM3 0": 812.4, "package-0": 96.1}

The counters are those of the whole device: everything that runs there is in them. fmsdk's tests
use a fake counter and a fake folder; nobody has run this on real ones yet.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from fmsdk.errors import ConfigurationError, MissingExtra

__all__ = ["Counter", "MeasuredEnergy", "NvmlCounter", "RaplCounter", "find_counters",
           "measure_energy"]  # fmt: skip

_RAPL = Path("/sys/class/powercap")
_JOULES_PER_KWH = 3_600_000


class Counter(Protocol):
    """Counts the energy of one device."""

    name: str

    def read(self) -> float:
        """Joules since some moment in the past."""
        ...

    def difference(self, first: float, last: float, seconds: float) -> float:
        """Joules between two readings, `seconds` apart."""
        ...


class NvmlCounter:
    """NVML's `nvmlDeviceGetTotalEnergyConsumption` of one GPU.

    The counter moves a few times a second. Where it has not moved between two readings, the energy
    is the power of the last one × the time, as Zeus does it (ml.energy/zeus, 0.16).

    Args:
        index: of the GPU.
        nvml: the module pynvml; None: the installed one (the package nvidia-ml-py).

    Raises:
        MissingExtra: nvidia-ml-py is not installed.
        ConfigurationError: no driver, no such GPU, or one without a counter.
    """

    def __init__(self, index: int = 0, *, nvml: Any = None) -> None:
        self._nvml = nvml = _import_nvml() if nvml is None else nvml
        try:
            nvml.nvmlInit()
            self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
            self.name = f"{nvml.nvmlDeviceGetName(self._handle)} {index}"
            self.read()
        except nvml.NVMLError as error:
            raise ConfigurationError(f"GPU {index} has no counter of energy: {error}") from error

    def read(self) -> float:
        """As `Counter.read`."""
        return self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) / 1000

    def difference(self, first: float, last: float, seconds: float) -> float:
        """As `Counter.difference`."""
        if last > first:
            return last - first
        return self._nvml.nvmlDeviceGetPowerUsage(self._handle) / 1000 * seconds


class RaplCounter:
    """RAPL's counter of one CPU package, which starts again at zero every few minutes to hours.

    Args:
        folder: such as /sys/class/powercap/intel-rapl:0.

    Raises:
        ConfigurationError: the folder holds no counter, or it may not be read: since 2020, Linux
            lets only root do so.
    """

    def __init__(self, folder: str | Path) -> None:
        self._file = Path(folder) / "energy_uj"
        try:
            self.name = (Path(folder) / "name").read_text().strip()
            self._range = int((Path(folder) / "max_energy_range_uj").read_text()) / 1e6
            self.read()
        except (OSError, ValueError) as error:
            why = "only root may read it" if isinstance(error, PermissionError) else error
            raise ConfigurationError(f"{folder} has no counter of energy: {why}") from error

    def read(self) -> float:
        """As `Counter.read`."""
        return int(self._file.read_text()) / 1e6

    def difference(self, first: float, last: float, seconds: float) -> float:
        """As `Counter.difference`. A counter that went round more than once cannot be told."""
        del seconds
        return last - first if last >= first else last - first + self._range


def find_counters(*, nvml: Any = None, rapl: str | Path = _RAPL) -> list[Counter]:
    """A counter for each GPU and CPU package that has one and lets itself be read.

    Args:
        nvml: see `NvmlCounter`. rapl: the folder of RAPL's packages.
    """
    counters: list[Counter] = []
    try:
        module = _import_nvml() if nvml is None else nvml
        module.nvmlInit()
        count = module.nvmlDeviceGetCount()
    except Exception:  # neither the package nor the driver has to be there
        count, module = 0, None
    for index in range(count):
        _append_counter(counters, lambda index=index: NvmlCounter(index, nvml=module))
    # intel-rapl:0 is a package; intel-rapl:0:1 a part of one, whose energy is in it.
    for folder in sorted(Path(rapl).glob("intel-rapl:*")):
        if folder.name.count(":") == 1 and (folder / "name").is_file():
            _append_counter(counters, lambda folder=folder: RaplCounter(folder))
    return counters


def _append_counter(counters: list[Counter], create: Any) -> None:
    try:
        counters.append(create())
    except ConfigurationError:
        return


def _import_nvml() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError as error:
        raise MissingExtra(
            "the counters of NVIDIA's GPUs need nvidia-ml-py: pip install nvidia-ml-py",
            extra="energy",
        ) from error


@dataclass(slots=True)
class MeasuredEnergy:
    """What `measure_energy` measured, once its block has ended.

    joules: by the name of the device; empty: nothing here counts energy. seconds: of the block.
    """

    joules: Mapping[str, float] = field(default_factory=dict[str, float])
    seconds: float = 0.0

    @property
    def total(self) -> float | None:
        """Joules of all devices; None: nothing here counts energy."""
        return sum(self.joules.values()) if self.joules else None

    @property
    def kilowatt_hours(self) -> float | None:
        """The total in kilowatt-hours, for `fmsdk.tco.carbon` and tariffs."""
        total = self.total
        return None if total is None else total / _JOULES_PER_KWH


@contextmanager
def measure_energy(counters: Sequence[Counter] | None = None) -> Generator[MeasuredEnergy]:
    """Measure the energy that the devices draw during a block.

    Args:
        counters: None: all that `find_counters` finds.
    """
    counters = find_counters() if counters is None else counters
    result = MeasuredEnergy()
    start, first = monotonic(), [counter.read() for counter in counters]
    try:
        yield result
    finally:
        result.seconds = monotonic() - start
        result.joules = {
            counter.name: counter.difference(reading, counter.read(), result.seconds)
            for counter, reading in zip(counters, first, strict=True)
        }
