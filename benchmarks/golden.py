"""Whether this tree still computes what another revision does: golden.py REV [--records tiny demo] [--seeds 42]

Runs the workflow of both, here and now, each in a folder of its own, and compares payload digests of metrics files and
digests of artifacts, shards, byte counts and tokenizers. Digests of other machines or libraries say nothing, so none
are kept. Prints what differs or is in one of them alone; exit code 1 if anything does.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from digests import payload_digests

from tritgolf.errors import InputError, one_line_errors
from tritgolf.files import digest_file

REPOSITORY = Path(__file__).parents[1]
FILES = ("*.tgolf", "*.bin", "*.model")


def run(tree: Path, folder: Path, records: list[str], seeds: list[int], cores: int) -> None:
    """All of ``records`` by the workflow of ``tree``, results in ``folder``."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_bytes((tree / "config.yaml").read_bytes())  # older ones don't find their own
    config = [f"records=[{','.join(records)}]", f"seeds=[{','.join(map(str, seeds))}]"]
    command = [sys.executable, "-m", "snakemake", "-s", str(tree / "Snakefile"), "--directory", str(folder)]
    profile = ["--profile", str(tree / "profiles" / "default"), "--cores", str(cores), "--quiet", "all"]
    environment = {**os.environ, "PYTHONPATH": str(tree)}  # else both would import the package that is installed
    done = subprocess.run([*command, *profile, "--config", *config], env=environment, check=False)
    if done.returncode:
        raise InputError(tree, f"its workflow ended with exit code {done.returncode}", f"see {folder}/.snakemake/log")


def digests(results: Path, records: list[str]) -> dict[str, str]:
    """Payload and file digests by path below ``results``."""
    found = {
        f"{record}/{path}": digest for record in records for path, digest in payload_digests(results, record).items()
    }
    files = [path for pattern in FILES for path in results.rglob(pattern)]
    return found | {path.relative_to(results).as_posix(): digest_file(path) for path in sorted(files)}


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """What is not the same before and after, and how it differs, by path."""
    paths = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    return {path: "gone" if path not in after else "new" if path not in before else "changed" for path in paths}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", metavar="REV", help="a commit of this repository")
    records = ["tiny", "demo"]
    parser.add_argument(
        "--records", nargs="+", default=records, metavar="NAME", help="what both run (default: tiny demo)"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[42], metavar="N", help="their seeds (default: 42)")
    parser.add_argument("--cores", type=int, default=2, metavar="N", help="of either workflow (default: %(default)s)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch) / "tree"
        worktree = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*worktree, "add", "--detach", "--quiet", str(before), asked.revision], check=True)
        try:
            found = []
            for name, tree in (("before", before), ("after", REPOSITORY)):
                run(tree, Path(scratch) / name, asked.records, asked.seeds, asked.cores)
                found.append(digests(Path(scratch) / name / "results", asked.records))
        finally:
            subprocess.run([*worktree, "remove", "--force", str(before)], check=True)
    differing = differences(*found)
    for path, what in differing.items():
        print(f"differs: {path} ({what})")
    print(f"{len(found[1]) - len(differing.keys() & found[1].keys())} alike, {len(differing)} not")
    return 1 if differing else 0


if __name__ == "__main__":
    with one_line_errors():
        sys.exit(main())
