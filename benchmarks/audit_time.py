"""Seconds that ``tritgolf audit`` takes: each submission below a folder, and all of them (targets: 2 and 60)."""

import argparse
import time
from pathlib import Path

from tritgolf.audit.auditor import audit


def main() -> None:
    """Audit every folder once, and print the slowest and the sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder whose folders are submissions")
    times = {}
    for path in sorted(path for path in parser.parse_args().folder.iterdir() if path.is_dir()):
        start = time.perf_counter()
        audit(path)
        times[path.name] = time.perf_counter() - start
    slowest = max(times, key=lambda name: times[name])
    print(f"{len(times)} folders: {sum(times.values()):.1f} s in all, {times[slowest]:.2f} s the slowest ({slowest})")


if __name__ == "__main__":
    main()
