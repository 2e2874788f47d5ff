"""The model card of an artifact: what it is, what it read, on what, how it scored, its limits, how to load it.

Everything is of the artifact's header and of the results that it lies in; what these don't say, the card says it lacks.
"""

from pathlib import Path
from typing import Any

from tritgolf.artifact.header import Artifact
from tritgolf.errors import InputError
from tritgolf.files import read_json_of_others
from tritgolf.model.counts import trained_parameters
from tritgolf.report.metrics import load_run
from tritgolf.report.runs import Run
from tritgolf.report.tables import seeds_table

LAST = "final"  # the checkpoint whose artifact the reports score
UNKNOWN = "Not known: the artifact does not lie in the results of a run."
LIMITS = """- It continues text. It follows no instructions and answers no questions, and what it writes may be false.
- It knows the text above and nothing else, in that text's language.
- Scores are of one validation text. Those of another text can't be compared with them.
- It reads {context} tokens at most, and was trained for the smallest loss in {bytes:,} bytes, for nothing else."""

LOADING = """```python
import tritgolf

model = tritgolf.load("{file}"{others})
print(model.generate("A word of", tokens=50))
```"""


def results_of(artifact: Path) -> Path | None:
    """The folder ``results/RECORD`` that an artifact lies in, None for another place."""
    folders = artifact.absolute().parents
    as_exported = len(folders) > 3 and folders[0].name == "export" and folders[2].name.startswith("seed")
    return folders[3] if as_exported and (folders[3] / "record.json").is_file() else None


def model_card(artifact: Artifact, file: str, tokenizer: bool) -> str:
    """The card, Markdown with the hub's YAML head. ``file``: what the artifact is called beside it, and ``tokenizer``:
    whether that lies there too.
    """
    results = results_of(artifact.path)
    record = read_json_of_others(results / "record.json") if results else {}
    run = load_run(results) if results else None
    parts = {
        "Text": _text(artifact, record, run),
        "Hardware": _hardware(run),
        "Scores": _of_another_file(artifact, run) + _scores(run),
        "Limits": LIMITS.format(context=artifact.header.model.context, bytes=artifact.file_bytes) + _flags(run),
        "How to load it": LOADING.format(
            file=file, others="" if artifact.header.tokenizer and tokenizer else ', "tokenizer.model"'
        ),
    }
    head = "---\nlibrary_name: tritgolf\npipeline_tag: text-generation\ntags: [parameter-golf, tritgolf]\n---\n"
    sections = [f"\n## {name}\n\n{text}\n" for name, text in parts.items()]
    return f"{head}# {record.get('title', artifact.header.record)}\n\n{_what(artifact, record)}\n{''.join(sections)}"


def _what(artifact: Artifact, record: dict[str, Any]) -> str:
    header, model = artifact.header, artifact.header.model
    of = f"record `{header.record}`" + (f" ({record['source']})" if record else "")
    of += f", {record['mode']} mode" if record else ""
    step = f", step {header.step:,}" if header.step is not None else ""
    seed = f", seed {header.seed}" if header.seed is not None else ""
    return (
        f"A language model of Parameter Golf: {of}{seed}, checkpoint {header.checkpoint}{step}, "
        f"storage `{header.storage_name}`.\n\n{trained_parameters(model):,} parameters in {artifact.file_bytes:,} "
        f"bytes: {model.layers} layers, width {model.width}, {model.vocab_size:,} tokens, context {model.context:,}. "
        "`model.safetensors` has the numbers that the artifact is reloaded to, under the published names."
    )


def _text(artifact: Artifact, record: dict[str, Any], run: Run | None) -> str:
    tokenizer = f"Tokenizer: {artifact.header.tokenizer or 'its digest is not stated'}."
    seeds = [seed for seed in run.seeds if seed.trained and seed.seed == artifact.header.seed] if run else []
    if not seeds:
        return f"{UNKNOWN} {tokenizer}"
    return f"`{record['dataset']}`, {seeds[0].train.tokens:,} tokens in {seeds[0].train.steps:,} steps. {tokenizer}"


def _hardware(run: Run | None) -> str:
    if run is None or not run.seeds:
        return UNKNOWN
    return f"Trained on {'; '.join(sorted({seed.made_by.machine for seed in run.seeds}))}."


def _scores(run: Run | None) -> str:
    """The table of the record's seeds, this one among them, with means and standard deviations."""
    if run is None:
        return UNKNOWN
    try:
        return seeds_table(run).markdown().split("\n", 2)[2].strip()
    except InputError as error:
        return f"Not known: {error.where}: {error.what}."


def _of_another_file(artifact: Artifact, run: Run | None) -> str:
    """What the scores are of, where that is not this file: reports show the last checkpoint's own storage."""
    header = artifact.header
    own = next((found.own_storage for seed in run.seeds for found in seed.roundtrips.values()), None) if run else None
    if own is None or (header.checkpoint, header.storage_name) == (LAST, own):
        return ""
    return (
        f"**Not of this file**, which is checkpoint {header.checkpoint}, storage `{header.storage_name}`, but of "
        f"checkpoint {LAST}, storage `{own}`.\n\n"
    )


def _flags(run: Run | None) -> str:
    """Which of the scores are of methods that look ahead."""
    named = {name for seed in run.seeds for name in seed.methods if seed.causal(name) is False} if run else set()
    return "".join(f"\n- The score by `{name}` is not causal: no text could be coded by it." for name in sorted(named))
