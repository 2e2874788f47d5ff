"""Documents to shards, on all cores, with memory that does not grow with the corpus.

SentencePiece encodes a batch on its own threads and returns it in order, so the shards are the same whatever the number
of threads. It needs some 40 bytes of memory a character, so a long document is encoded in parts, cut between two words,
wherever the tokens are those of the whole then (``_longest_part``). Of validation text the raw
bytes of each token are kept beside the shards (``byte_counts``); telling them takes more time and memory.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sentencepiece import SentencePieceProcessor

from tritgolf.data.byte_counts import Counts, capped, check_known, give_back, raw_byte_counts
from tritgolf.data.corpus import load_corpus, split_file
from tritgolf.data.manifest import PREFIX, Manifest, shard_facts, with_byte_counts, write_manifest
from tritgolf.data.shards import ShardWriter
from tritgolf.data.spaces import SPACE
from tritgolf.data.text import read_documents
from tritgolf.data.tokenizer import load_tokenizer, load_tokenizer_facts
from tritgolf.errors import InputError
from tritgolf.files import atomic_directory
from tritgolf.progress import progress

BATCH_CHARACTERS, PART_CHARACTERS = 1 << 22, 1 << 16
COUNTED_CHARACTERS = 1 << 20  # of a batch whose bytes are counted: offsets take five times the memory of tokens
BETWEEN_WORDS = re.compile(r"(?<=[A-Za-z0-9])[ \n](?=[A-Za-z0-9])")
MARK = "a"  # a leading space would be taken away as extra whitespace; behind a word it stays


def build_shards(
    dataset: str, corpus: str | Path, tokenizer: str | Path, folder: str | Path, *, tokens_per_shard: int, threads: int
) -> Manifest:
    """Encode both splits of the folder ``corpus`` with the model in ``tokenizer``; write shards and manifest.

    The folder ``folder`` appears whole or not at all. Raises ``InputError`` for inputs that are missing or damaged.
    """
    tokenizer_facts, corpus_facts = load_tokenizer_facts(tokenizer), load_corpus(corpus)
    processor = load_tokenizer(Path(tokenizer) / "tokenizer.model")
    vocab_size, bos_id = processor.vocab_size(), processor.bos_id()
    shards = []
    with atomic_directory(folder) as temporary:
        for split, prefix in PREFIX.items():
            documents = progress(
                read_documents(split_file(corpus, split)),
                total=corpus_facts["splits"][split]["documents"],
                what=f"{split} shards",
                unit="documents",
            )
            write = write_counted if split == "validation" else _write_uncounted
            paths, counted = write(processor, documents, temporary, prefix, tokens_per_shard, threads)
            facts = [shard_facts(path, split, vocab_size=vocab_size, bos_id=bos_id) for path in paths]
            shards += with_byte_counts(facts, counted)
        manifest = Manifest(
            dataset=dataset,
            tokenizer_digest=tokenizer_facts["digest"],
            vocab_size=vocab_size,
            bos_id=bos_id,
            origin={"corpus": {split: corpus_facts["splits"][split]["digest"] for split in PREFIX}},
            shards=tuple(shards),
        )
        text_bytes, counted_bytes = corpus_facts["splits"]["validation"]["bytes"], manifest.raw_bytes("validation")
        if counted_bytes != text_bytes:
            what = f"gives byte offsets that count {counted_bytes} of the validation text's {text_bytes} bytes"
            raise InputError(Path(tokenizer) / "tokenizer.model", what, "use another SentencePiece model")
        write_manifest(temporary, manifest)
    return manifest


def write_counted(
    processor: SentencePieceProcessor,
    documents: Iterable[str],
    folder: Path,
    prefix: str,
    tokens_per_shard: int,
    threads: int,
) -> tuple[list[Path], list[Path]]:
    """Write ``documents`` as the shards ``prefix_000000.bin`` … and their sidecars; return the paths of both.

    Raises ``InputError`` for text that the tokenizer doesn't know.
    """
    carried = 0
    with (
        ShardWriter(folder, prefix, tokens_per_shard) as shards,
        ShardWriter(folder, f"{prefix}_bytes", tokens_per_shard) as sidecars,
    ):
        for tokens, counts in encode_counted(processor, documents, threads):
            sizes, carried = capped(counts, carried)
            shards.add(tokens)
            sidecars.add(sizes)
    give_back(sidecars.paths, carried)
    check_known(shards.paths, processor.unk_id())
    return shards.paths, sidecars.paths


def _write_uncounted(
    processor: SentencePieceProcessor,
    documents: Iterable[str],
    folder: Path,
    prefix: str,
    tokens_per_shard: int,
    threads: int,
) -> tuple[list[Path], list[Path]]:
    """``write_counted`` without sidecars, of which it returns none."""
    with ShardWriter(folder, prefix, tokens_per_shard) as shards:
        for tokens in encode_documents(processor, documents, threads):
            shards.add(tokens)
    return shards.paths, []


def encode_documents(
    processor: SentencePieceProcessor,
    documents: Iterable[str],
    threads: int,
    *,
    batch_characters: int = BATCH_CHARACTERS,
    part_characters: int = PART_CHARACTERS,
) -> Iterator[npt.NDArray[np.int32]]:
    """Yield the tokens of the documents, each beginning with bos, a batch at a time, int32.

    The tokens do not depend on ``threads``, ``batch_characters`` or ``part_characters``.
    """
    bos, mark = [processor.bos_id()], len(processor.encode(MARK))
    for batch in _batches(documents, batch_characters, _longest_part(processor, part_characters)):
        encoded = processor.encode([part for part, _ in batch], num_threads=threads)
        tokens = (ids[mark:] if continued else bos + ids for ids, (_, continued) in zip(encoded, batch, strict=True))
        yield np.concatenate([np.asarray(ids, dtype=np.int32) for ids in tokens])


def encode_counted(
    processor: SentencePieceProcessor,
    documents: Iterable[str],
    threads: int,
    *,
    batch_characters: int = COUNTED_CHARACTERS,
    part_characters: int = PART_CHARACTERS,
) -> Iterator[tuple[npt.NDArray[np.int32], Counts]]:
    """``encode_documents``, and with each batch the raw UTF-8 bytes of its tokens, int64: together those of the text.

    What the batches hold depends on their size; put together, neither tokens nor bytes do.
    """
    bos, mark = processor.bos_id(), len(processor.encode(MARK))
    left = 0  # bytes of a part that has no token of its own
    for batch in _batches(documents, batch_characters, _longest_part(processor, part_characters)):
        encoded = processor.encode(
            [part for part, _ in batch], num_threads=threads, return_type="offset_mapping", return_bytes=True
        )
        tokens, counts = [], []
        for (part, continued), found in zip(batch, encoded, strict=True):
            marks = mark if continued else 0
            ids = found["ids"][marks:] if continued else [bos, *found["ids"]]
            sizes, unplaced = raw_byte_counts(part, [end for _, end in found["offsets"]], marks)
            sizes[:1] += left
            left = unplaced if len(sizes) else left + unplaced
            tokens.append(np.asarray(ids, dtype=np.int32))
            counts.append(sizes)
        yield np.concatenate(tokens), np.concatenate(counts)


def cut(text: str, characters: int) -> Iterator[str]:
    """Cut ``text`` before spaces between ASCII words into parts of at least ``characters`` (but the last)."""
    start = 0
    while boundary := BETWEEN_WORDS.search(text, start + characters):
        yield text[start : boundary.start()]
        start = boundary.start()
    yield text[start:]


def _longest_part(processor: SentencePieceProcessor, characters: int) -> int:
    """Characters of the parts that a document may be cut into: all of it where cutting would change tokens.

    So it is where a piece may run across a cut, and without byte pieces: unknown characters side by side are one token.
    """
    behind_first = (processor.id_to_piece(token)[1:] for token in range(processor.vocab_size()))
    across = any(mark in piece for piece in behind_first for mark in (SPACE, " ", "\n"))
    has_bytes = any(processor.is_byte(token) for token in range(processor.vocab_size()))
    return characters if has_bytes and not across else sys.maxsize


def _batches(documents: Iterable[str], batch_characters: int, part_characters: int) -> Iterator[list[tuple[str, bool]]]:
    """Parts to encode, and whether each continues a document: then a mark before it keeps its first space."""
    batch: list[tuple[str, bool]] = []
    size = 0
    for text in documents:
        for index, part in enumerate(cut(text, part_characters)):
            batch.append((MARK + part if index else part, index > 0))
            size += len(part)
            if size >= batch_characters:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch
