"""The validation text as the roundtrip scores it: non-overlapping windows, both byte countings."""

from dataclasses import dataclass, field
from pathlib import Path

from tritgolf.config.model import UNetConfig
from tritgolf.data.loader import validation_byte_counts, validation_tokens
from tritgolf.data.manifest import check_tokenizer, validation_digest, verify_shards
from tritgolf.data.shards import Tokens
from tritgolf.evaluate.bytes import TextBytes, token_bytes
from tritgolf.evaluate.score import Score, WindowNats, score_windows, summarize
from tritgolf.evaluate.windows import Windows, chunked_windows
from tritgolf.model.network import Network


@dataclass(frozen=True)
class ScoredText:
    """Tokens, the windows to score them in (``batch`` at a time), and what their bytes and z-loss are counted with."""

    tokens: Tokens
    windows: Windows
    sizes: TextBytes
    batch: int
    z_loss: float
    inputs: dict[str, str] = field(default_factory=dict)  # digests of what it was read from, for provenance

    def score(self, network: Network, what: str) -> tuple[WindowNats, Score]:
        """Score ``network``; ``what`` names it to the progress bar."""
        found = score_windows(network, self.tokens, self.windows, self.batch, what=what)
        return found, summarize(found, self.tokens, self.windows, self.sizes, self.z_loss)


def validation_text(shards: Path, tokenizer: Path, model: UNetConfig, batch: int, z_loss: float) -> ScoredText:
    """The validation tokens of ``shards`` in windows of the model's context. Raises ``InputError``."""
    check_tokenizer(shards, tokenizer)
    manifest = verify_shards(shards, ("validation",))
    tokens = validation_tokens(shards, model.context, model.vocab_size)
    sizes = TextBytes(token_bytes(tokenizer), validation_byte_counts(shards))
    windows = chunked_windows(len(tokens), model.context)
    inputs = {"tokenizer": manifest.tokenizer_digest, "validation": validation_digest(manifest)}
    return ScoredText(tokens, windows, sizes, batch, z_loss, inputs)
