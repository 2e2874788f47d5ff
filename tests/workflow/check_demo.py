"""Whether a finished run has learned its text: ``python tests/workflow/check_demo.py results/demo``.

A model that knows only how often each token occurs needs ``unigram_entropy_bpb`` bits a byte of the validation text.
Every seed's reloaded artifact must do clearly better on the same tokens; exit code 1 and the figures if one does not.
"""

import json
import sys
from pathlib import Path

CLEARLY = 0.85  # of the unigram entropy; chance cannot bring a model there


def main(folder: str) -> int:
    """Print a line a seed of the record's results in ``folder``; returns the exit code."""
    found = sorted(Path(folder).glob("seed*/final/evaluate.json"))
    if not found:
        print(f"error: {folder}: has no seed*/final/evaluate.json; run the record first", file=sys.stderr)
        return 1
    learned = [_told(json.loads(path.read_text())) for path in found]
    return 0 if all(learned) else 1


def _told(evaluation: dict) -> bool:
    """Print one seed's figures and whether they are good."""
    bpb, entropy = evaluation["metrics"]["methods"]["chunked"]["bpb"], evaluation["metrics"]["unigram_entropy_bpb"]
    good = bpb < CLEARLY * entropy
    verdict = "learned" if good else f"has not learned: at most {CLEARLY} is asked"
    print(
        f"{evaluation['record']} seed {evaluation['seed']}: {bpb:.4f} BPB, {bpb / entropy:.3f} of the unigram "
        f"entropy of {entropy:.4f}: {verdict}"
    )
    return good


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
