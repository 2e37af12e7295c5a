"""Run every benchmark, or those named: `python -m benchmarks [imports hosted_overhead …]`."""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "imports",
    "first_call",
    "hosted_overhead",
    "hosted_bursts",
    "hosted_memory",
    "billing",
    "quote_overhead",
    "money_overhead",
    "local_overhead",
    "word_errors",
    "easy_vqa_accuracy",
)


def main(names: list[str]) -> int:
    unknown = set(names) - set(ALL)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
        return 2
    failed: list[str] = []
    for name in names or ALL:
        print(f"\n== {name} ==", flush=True)
        # A process each: one benchmark's imports and memory must not weigh on the next.
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
