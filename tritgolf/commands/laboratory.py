"""``tritgolf laboratory ARTIFACT``: the ablation grid on an artifact alone, without the checkpoint it was made from."""

import argparse
import textwrap
from pathlib import Path
from typing import Any

from tritgolf.commands.output import print_json
from tritgolf.commands.published import add_artifact, add_record_option, named_artifact, scorable
from tritgolf.commands.text import add_text_options, given_batch, given_text
from tritgolf.errors import InputError, warn

DESCRIPTION = """Store an artifact's scales and other numbers again in other formats and ways. Compare each with the
artifact as it is reloaded: trits, weights and, with --shards and --tokenizer, bits per byte with a standard error
paired over windows."""
WIDTH, WIDEST_HEADING = 140, 10  # characters
SCHEMA = "tritgolf/restorations/1"


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("laboratory", help="what other formats do to an artifact", description=DESCRIPTION)
    add_artifact(parser)
    parser.add_argument(
        "--grid", metavar="NAME", help="of records/grids/ (default: roundtrip; int6 for int6 artifacts)"
    )
    add_text_options(parser, required=False)
    add_record_option(parser)
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="print JSON instead, or write it to FILE")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from tritgolf.files import check_target, write_json  # noqa: PLC0415
    from tritgolf.report.restorations import read_restorations, restoration_table  # noqa: PLC0415  (pandas: slow)

    if arguments.json not in (None, "-"):
        check_target(arguments.json)
    facts = measure(arguments)
    if arguments.json == "-":
        print_json(facts)
        return 0
    if arguments.json:
        write_json(arguments.json, facts)
    table = restoration_table(read_restorations(facts, arguments.artifact))
    notes = "\n".join(textwrap.fill(note, WIDTH) for note in table.notes)
    print(f"{table.title}\n\n{table.terminal(WIDEST_HEADING)}\n\n{notes}")
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The facts for JSON."""
    from tritgolf.artifact.inspect import facts_of_trits, with_trits_alone  # noqa: PLC0415
    from tritgolf.artifact.statistics import scale_range, stored_trits  # noqa: PLC0415
    from tritgolf.config.train import PUBLISHED_Z_LOSS  # noqa: PLC0415
    from tritgolf.evaluate.text import ScoredText  # noqa: PLC0415
    from tritgolf.evaluate.windows import chunked_windows  # noqa: PLC0415
    from tritgolf.files import digest_file  # noqa: PLC0415
    from tritgolf.laboratory.grids import grid_of, kind_of_storage  # noqa: PLC0415
    from tritgolf.laboratory.published import restorations  # noqa: PLC0415
    from tritgolf.provenance import provenance  # noqa: PLC0415

    if bool(arguments.shards) != bool(arguments.tokenizer):
        raise InputError("--shards and --tokenizer", "only one of them is given", "give both, or none")
    if arguments.batch is not None and not arguments.shards:
        raise InputError(
            "--batch", "is of a text that is scored, and none is given", "give --shards and --tokenizer too"
        )
    artifact = named_artifact(arguments)
    model = artifact.header.model
    grid = grid_of(arguments.grid, Path(arguments.records) / "grids", kind_of_storage(artifact.header.storage))
    text = None
    if arguments.shards:
        scorable(artifact)
        tokens, sizes, _ = given_text(arguments, model)
        windows = chunked_windows(len(tokens), model.context)
        z_loss = PUBLISHED_Z_LOSS.get(model.kind, 0.0)
        text = ScoredText(tokens, windows, sizes, given_batch(arguments), z_loss)
    trits = stored_trits(artifact.stored)
    restored = restorations(artifact, grid, text)
    left_out = [name for name in grid.rows if name not in restored["names"]]
    if arguments.grid and left_out:
        of = f"grid {arguments.grid}: {len(left_out)} of {len(grid.rows)} rows are about what the file doesn't have"
        warn(f"{of}, and left out: {', '.join(left_out)}")
    return {
        "schema": SCHEMA,
        "artifact": Path(arguments.artifact).name,
        "format": artifact.file_format,
        **(facts_of_trits(trits, model) if trits else {}),
        "scale_range": scale_range(with_trits_alone(artifact.stored)),
        "tokens_scored": text.windows.scored if text else 0,
        **restored,
        "provenance": provenance(grid.model_dump(mode="json"), {"artifact": digest_file(arguments.artifact)}),
    }
