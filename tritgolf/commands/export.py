"""``tritgolf export ARTIFACT --to safetensors|hub``: an artifact to share, with its weights, tokenizer and card."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from tritgolf.commands.output import print_json
from tritgolf.commands.published import add_artifact, add_record_option, named_artifact
from tritgolf.errors import InputError


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "export",
        help="write weights, tokenizer and card to a folder or the hub",
        description="Write a folder with an artifact, its weights as safetensors, its tokenizer and a model card; or "
        "upload that to the Hugging Face Hub. A folder that is there is not replaced.",
    )
    add_artifact(parser)
    parser.add_argument("--to", required=True, choices=("safetensors", "hub"), help="a folder, or the Hugging Face Hub")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the folder to write (optional with --to hub)")
    parser.add_argument("--repo", metavar="USER/NAME", help="the model repo of the hub")
    parser.add_argument("--private", action="store_true", help="make the repo private, if it is new")
    parser.add_argument("--endpoint", metavar="URL", help="another hub (default: HF_ENDPOINT, or the hub)")
    parser.add_argument(
        "--tokenizer", metavar="MODEL", help="its SentencePiece model (default: found near the artifact)"
    )
    add_record_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder, upload it if asked to, and print where it is."""
    if arguments.to == "hub" and not arguments.repo:
        raise InputError("--repo", "is missing", "give USER/NAME of the model repo")
    if arguments.to == "safetensors" and not arguments.out:
        raise InputError("--out", "is missing", "give the folder to write")
    for option in ("repo", "private", "endpoint"):
        if arguments.to == "safetensors" and getattr(arguments, option):
            raise InputError(f"--{option}", "is of the hub", "say --to hub, or leave it out")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or Path(temporary) / "model"
        facts = export(arguments, folder)
    if arguments.json:
        print_json(facts)
    else:
        print(facts["address"])
    return 0


def export(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """What was written, as facts for JSON."""
    from tritgolf.use.share import upload, write_folder  # noqa: PLC0415  (torch: slow to import)

    files = write_folder(named_artifact(arguments), folder, arguments.tokenizer)
    address = str(folder)
    if arguments.to == "hub":
        address = upload(folder, arguments.repo, private=arguments.private, endpoint=arguments.endpoint)
    return {"address": address, "files": files}
