"""What the fuzzers of the artifact readers share. Not a program: see fuzz_container.py and fuzz_ptz.py.

A reader passes if every input ends in an artifact or an ``InputError``, within the time and memory that libFuzzer's
``-timeout`` and ``-rss_limit_mb`` allow. Anything else it reports as a crash, with the input that caused it.
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

try:
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]
except ImportError:
    raise SystemExit("error: atheris is not installed; run: pip install atheris") from None

# Only the readers are instrumented: coverage of torch would tell nothing and cost much.
with atheris.instrument_imports(include=["tritgolf.artifact"]):
    import tritgolf.artifact.container
    import tritgolf.artifact.published.ptz  # noqa: F401
    from tritgolf.artifact.header import ArtifactHeader
    from tritgolf.artifact.storage import Stored, store
import torch

from tritgolf.config.export import StorageConfig
from tritgolf.config.model import TernaryConfig, UNetConfig
from tritgolf.errors import InputError
from tritgolf.model.counts import parameter_shapes

Reader = Callable[[Path], Any]


def example() -> tuple[Stored, ArtifactHeader]:
    """A small model's tensors, mostly zeros, in formats that both files have."""
    model = UNetConfig(
        vocab_size=8,
        layers=2,
        width=8,
        heads=2,
        kv_heads=1,
        mlp_multiple=1,
        embed_dim=4,
        rotary_frequencies="float32",
        quantizer=TernaryConfig(group_size=8, arithmetic="float64"),
    )
    storage = StorageConfig(
        scales="bfloat16",
        decide="forward",
        shrinkage=False,
        reload_dtype="float32",
        table="e4m3",
        projections="e4m3",
        mixes="float16",
        vectors="bfloat16",
    )
    header = ArtifactHeader(
        record="fuzz", seed=0, checkpoint="final", step=0, storage_name="own", model=model, storage=storage
    )
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.randn(shape, generator=generator) ** 5 for name, shape in parameter_shapes(model).items()}
    return store(state, model, storage.by_role(model)), header


def fuzz(read: Reader, wrappers: list[Callable[[bytes], bytes]], seeds: Iterable[bytes]) -> None:
    """Run libFuzzer on ``read``. An input's first byte chooses the wrapper that makes a file of the rest.

    The first folder on the command line is the corpus; while it is empty, ``seeds`` go there.
    """
    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    if folders:
        _plant(folders[0], seeds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "artifact"

        def one_input(data: bytes) -> None:
            if data:
                path.write_bytes(wrappers[data[0] % len(wrappers)](data[1:]))
                with contextlib.suppress(InputError):
                    read(path)

        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()


def _plant(folder: Path, seeds: Iterable[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        for index, seed in enumerate(seeds):
            (folder / f"seed{index}").write_bytes(seed)
