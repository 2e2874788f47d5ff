"""The kinds of values that settings have, and how a validator says what is allowed."""

from typing import Annotated, Literal

from pydantic import Field

from tritgolf.errors import InputError

Mode = Literal["faithful", "honest"]
Precision = Literal["float32", "bfloat16"]
ReloadPrecision = Literal["float32", "bfloat16", "float16"]
Format = Literal["float32", "bfloat16", "float16", "e4m3", "e5m2"]
ScaleFormat = Literal["float32", "bfloat16", "float16", "e4m3", "e5m2", "e8m0", "bfp8", "scaled_e4m3"]
Decide = Literal["forward", "forward_float16", "master", "master_float64", "master_bfloat16", "requantized"]
ByteCounting = Literal["raw", "published"]
WindowRule = Literal["drop_tail", "every_token", "repeat_tail"]  # which targets sliding windows score: evaluate/windows
Codec = Literal["xz", "none", "brotli"]  # artifact/codecs
CodeLayout = Literal["int_bits", "byte_planes", "arithmetic", "columns"]  # artifact/layouts; the last is of trits
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]  # with 1 an average takes up nothing, and Adam divides by 1 - 1
Seed = Annotated[int, Field(ge=0, lt=1 << 63)]


def seed_of(text: str) -> int:
    """The seed that a command line or a variable says; ``InputError`` where it says none."""
    if not (text.isdecimal() and len(text) < 20 and int(text) < 1 << 63):
        raise InputError("SEED or --seed", f"{text!r} is no whole number from 0 on, below 2^63", "give one")
    return int(text)


def check(holds: bool, key: str, value: object, allowed: str) -> None:
    """For validators: what is said of a ``key`` whose ``value`` does not do."""
    if not holds:
        raise ValueError(f"{key}: {value} is not possible; it must be {allowed}")


def check_names(key: str, values: tuple[object, ...], what: str) -> None:
    """For validators: ``values`` of the setting ``key`` name at least one ``what`` and none twice."""
    check(bool(values), key, list(values), f"at least one {what}")
    check(len(set(values)) == len(values), key, list(values), f"different {what}s")
