"""Scores as metrics files have them: pure cross-entropy by either byte counting, and as published."""

from pydantic import AliasChoices, Field

from tritgolf.config.types import ByteCounting
from tritgolf.report.facts import Facts, NonNegative, TernaryFacts

WITH_Z_LOSS = AliasChoices("record_bpb", "bpb_with_z_loss")  # the word of the files, and ours


class PureScore(Facts):
    """Pure cross-entropy on validation text. ``bpb`` divides by the bytes that ``byte_counting`` names.

    Files from before raw bytes were counted have the published counting alone.
    """

    bpb: NonNegative
    nats: NonNegative
    bpb_published_bytes: NonNegative | None = None
    byte_counting: ByteCounting = "published"

    @property
    def by_published_bytes(self) -> float:
        """Bits per byte as the published code counts bytes."""
        return self.bpb if self.bpb_published_bytes is None else self.bpb_published_bytes

    @property
    def raw_per_published_byte(self) -> float:
        """What ``bpb``, or a gap of the same text, is multiplied with to be by published bytes; 1 where it is."""
        return self.by_published_bytes / self.bpb if self.bpb else 1.0


class Score(PureScore):
    """``bpb_with_z_loss``: by published bytes, as the published val_bpb; ``record_bpb`` in the files."""

    bpb_with_z_loss: NonNegative = Field(validation_alias=WITH_Z_LOSS)


class StorageScore(Score, TernaryFacts):
    """Score of a reloaded artifact; ``gap_bpb`` = ``bpb`` − trained ``bpb``, ``gap_se`` paired over windows."""

    gap_bpb: float
    gap_se: NonNegative
    max_weight_error: NonNegative
