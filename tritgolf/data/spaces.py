"""What a SentencePiece model makes of spaces, asked of the model itself: whether its tokens tell a text's bytes."""

from pathlib import Path

from sentencepiece import SentencePieceProcessor

from tritgolf.errors import InputError

SPACE = "▁"  # what SentencePiece writes for a space
FIRST_BYTE = "<0xE2>"  # of the three of ▁
RARE = "\U0010fffd"  # a character of private use, in no vocabulary: what is beside it must stand alone
OTHER_MODEL = "use a tokenizer whose bytes its tokens tell, as those trained here do"


def first_space_counts(processor: SentencePieceProcessor, where: str | Path) -> bool:
    """Whether a document's first ▁ is a space of the text.

    It is the tokenizer's own where one is put before every text, and can't be where leading spaces are taken away.
    Raises ``InputError`` for a model whose tokens don't tell their bytes; ``where`` names it.
    """
    word, spaced, between = (processor.encode(text, out_type=str) for text in ("a", "a a", f"{RARE} {RARE}"))
    if " " in "".join(spaced):
        raise InputError(where, f"keeps spaces as they are, instead of writing {SPACE} for one", OTHER_MODEL)
    if "".join(word).endswith(SPACE):
        raise InputError(where, "puts a space of its own behind every text, which its tokens don't tell", OTHER_MODEL)
    if FIRST_BYTE in between:
        what = f"has no piece for a space ({SPACE}) alone: it writes one as three byte pieces"
        raise InputError(where, what, OTHER_MODEL)
    return not "".join(word).startswith(SPACE) and "".join(processor.encode(" a", out_type=str)).startswith(SPACE)
