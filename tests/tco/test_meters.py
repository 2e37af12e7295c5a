"""Counters of energy, over a fake NVML and a fake folder of RAPL: no test machine has real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk import tco
from fmsdk.tco.meters import NvmlCounter, RaplCounter


class FakeNvml:
    """Two GPUs; the first counts, the second is too old for it."""

    class NVMLError(Exception):
        pass

    def __init__(self, readings: list[int], milliwatts: int = 300_000) -> None:
        self._readings = iter(readings)
        self._milliwatts = milliwatts

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own name, as those below
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return f"GPU of {handle}"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        if handle == 1:
            raise self.NVMLError("Not Supported")
        return next(self._readings)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        return self._milliwatts


def package(folder: Path, name: str, microjoules: int, most: int = 1_000_000_000) -> Path:
    folder.mkdir()
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{most}\n")
    return folder


def test_a_block_is_measured_on_every_device_that_counts(tmp_path: Path) -> None:
    first = package(tmp_path / "intel-rapl:0", "package-0", 5_000_000)
    package(tmp_path / "intel-rapl:0:0", "core", 3_000_000)  # a part of the package
    nvml = FakeNvml([0, 1_000, 813_400])
    counters = tco.find_counters(nvml=nvml, rapl=tmp_path)
    with tco.measure_energy(counters) as energy:
        (first / "energy_uj").write_text("101100000\n")
    assert energy.joules == {"GPU of 0 0": 812.4, "package-0": pytest.approx(96.1)}
    assert energy.total == pytest.approx(908.5)
    assert energy.kilowatt_hours == pytest.approx(908.5 / 3.6e6)
    assert energy.seconds > 0


def test_a_counter_that_goes_round_is_followed(tmp_path: Path) -> None:
    counter = RaplCounter(package(tmp_path / "p", "package-0", 0, most=262_143_328_850))
    assert counter.difference(262_143.0, 10.0, 1.0) == pytest.approx(10.32885)


def test_a_window_too_short_for_the_counter_takes_the_power() -> None:
    counter = NvmlCounter(0, nvml=FakeNvml([5_000]))
    assert counter.difference(5.0, 5.0, 0.02) == pytest.approx(6.0)


def test_a_device_without_a_counter_is_named() -> None:
    with pytest.raises(fmsdk.ConfigurationError, match="GPU 1 has no counter of energy: Not Supp"):
        NvmlCounter(1, nvml=FakeNvml([0]))


def test_a_folder_without_a_counter_is_named(tmp_path: Path) -> None:
    with pytest.raises(fmsdk.ConfigurationError, match="has no counter of energy"):
        RaplCounter(tmp_path)


def test_where_nothing_counts_the_energy_is_unknown_and_not_zero(tmp_path: Path) -> None:
    class NoDriver(FakeNvml):
        def nvmlInit(self) -> None:  # noqa: N802
            raise self.NVMLError("Driver Not Loaded")

    assert tco.find_counters(nvml=NoDriver([]), rapl=tmp_path) == []
    with tco.measure_energy([]) as energy:
        pass
    assert (energy.total, energy.kilowatt_hours) == (None, None)


def test_an_error_in_the_block_is_the_callers(tmp_path: Path) -> None:
    counters: list[Any] = [RaplCounter(package(tmp_path / "p", "package-0", 7))]
    with pytest.raises(ZeroDivisionError), tco.measure_energy(counters) as energy:
        raise ZeroDivisionError
    assert energy.joules == {"package-0": 0.0}
