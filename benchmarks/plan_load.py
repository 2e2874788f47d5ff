"""Time and memory of planning a large workflow: 3 records × 10 seeds × 20 checkpoints × 12 storages.

    python benchmarks/plan_load.py [--seeds 10] [--checkpoints 20] [--storages 12] [--records 3]

Runs ``snakemake --dry-run`` in a temporary copy of the pipeline, without results; prints JSON: jobs,
seconds, processor seconds (a busy machine says more by these), peak MiB.
Wanted on two cores: seconds, and less than 1 GiB.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("rules", "workflow_scripts", "tritgolf", "records", "datasets", "profiles", "captions", "published", "envs")
FORMATS = ("float32", "bfloat16", "float16", "e4m3")


def large_record(checkpoints: int, storages: int) -> dict[str, object]:
    """The demo record with so many checkpoints and storage choices."""
    names = [f"s{number:02d}_{FORMATS[number % len(FORMATS)]}" for number in range(storages)]
    return {
        "inherit": "demo",
        "train": {"steps": 100 * checkpoints, "checkpoints": [100 * step for step in range(1, checkpoints)]},
        "export": {
            "storages": {name: {"scales": name.split("_")[1]} for name in names},
            "own_storage": names[0],
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in (("records", 3), ("seeds", 10), ("checkpoints", 20), ("storages", 12)):
        parser.add_argument(
            f"--{name}", type=int, default=count, metavar="N", help=f"how many {name} (default: {count})"
        )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for part in FOLDERS:
            shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("Snakefile", "config.yaml"):
            shutil.copy(REPOSITORY / part, folder / part)
        records = [f"large_{number}" for number in range(arguments.records)]
        for record in records:
            content = large_record(arguments.checkpoints, arguments.storages)
            (folder / "records" / f"{record}.yaml").write_text(yaml.safe_dump(content))
        settings = [f"records={json.dumps(records)}", f"seeds={json.dumps(list(range(1, arguments.seeds + 1)))}"]
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--dry-run", "--config", *settings]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    jobs = next(int(line.split()[1]) for line in (done.stdout + done.stderr).splitlines() if line.startswith("total "))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {"jobs": jobs, "seconds": round(seconds, 1), "cpu_seconds": round(used.ru_utime + used.ru_stime, 1)}
    print(json.dumps({**vars(arguments), **found, "peak_mib": round(used.ru_maxrss / 1024)}))


if __name__ == "__main__":
    main()
