"""What `import fmsdk` costs: wall time and resident memory of a fresh interpreter, beside an
empty one and beside the vendor SDK alone. Medians of paired runs."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

RUNS = 11
PROGRAMS = {"nothing": "pass", "fmsdk": "import fmsdk", "openai": "import openai"}
MEASURE = """
import resource, sys, time
began = time.perf_counter()
{program}
took = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(took, peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
"""


def run(program: str) -> tuple[float, float]:
    source = MEASURE.format(program=program)
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def main() -> None:
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for _ in range(RUNS):
        for name, program in PROGRAMS.items():
            seen[name].append(run(program))
    print(f"{'import':10} {'seconds':>8} {'MB resident':>12}   (median of {RUNS})")
    for name, figures in seen.items():
        seconds, megabytes = (median(column) for column in zip(*figures, strict=True))
        print(f"{name:10} {seconds:8.3f} {megabytes:12.1f}")
    print("limits for fmsdk: 0.12 s, 30 MB")


if __name__ == "__main__":
    main()
