"""The sample's stage: what the model of a run's artifact writes of itself."""

from pathlib import Path

from tritgolf.artifact.container import read_artifact
from tritgolf.files import digest_file, write_json, write_text
from tritgolf.provenance import envelope
from tritgolf.use.generate import Sampling
from tritgolf.use.model import Model

TOKENS = 120
SAMPLING = Sampling(temperature=0.8, top_k=50, seed=0)


def sample_stage(*, record: str, seed: int, artifact: Path, tokenizer: Path, facts: Path, text: Path) -> None:
    """Write to ``text`` the beginning of a document that the ``artifact``'s model makes up, and its ``facts``."""
    read = read_artifact(artifact)
    written = Model(read, tokenizer).generate("", TOKENS, **SAMPLING._asdict())
    metrics = {"text": written, "tokens_at_most": TOKENS, **SAMPLING._asdict()}
    inputs = {"artifact": digest_file(artifact), "tokenizer": digest_file(tokenizer)}
    settings = [TOKENS, SAMPLING._asdict()]
    write_text(text, written + "\n")
    write_json(
        facts,
        envelope(
            "sample",
            record=record,
            seed=seed,
            checkpoint="final",
            step=read.header.step or 0,
            metrics=metrics,
            payload=metrics,
            configuration=settings,
            inputs=inputs,
        ),
    )
