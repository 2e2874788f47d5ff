"""What the titles of a README's columns say: the figure, its unit, and whether nothing in the title is unknown."""

import re
from itertools import pairwise

from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import stages


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# What a column may be titled (lower case); the first that matches decides. "" is not compared with logs: differences,
# figures of other systems, limits and what is left of them, sizes and losses that no log counts as its own.
TITLES: tuple[tuple[str, str], ...] = (
    ("", r"gain|delta|Δ|δ|diff|penalty|improve|\bvs\b|source|p-?value"),
    (
        "",
        r"#\d{2,}|\bpr\b|sota|base(?:line)?\b|previous|\bprior\b|merged|\bold\b|\brecord\b|reference|original|claimed",
    ),
    ("", r"target|limit|headroom|margin|slack|spare|\bleft\b|under"),
    ("", r"\braw\b|uncompressed|payload|memory|peak|vram|param|train(?:ing)?[_ ]loss"),
    ("rt_gap", r"(?:\brt\b|round ?-?trip).*gap|gap.*(?:\brt\b|round ?-?trip)"),
    ("", r"gap"),
    ("step_average", r"step_avg"),
    ("ms_per_step", r"ms ?/ ?step|ms_per_step|ms per step"),
    ("steps", r"^(?:(?:train|training|final) )?steps?$"),
    ("seconds", r"time|seconds|\btrain ms\b|\beval ms\b|ends by"),
    ("total_bytes", r"\b(?:artifact|model|weights)\b.*\bcode\b|\bcode\b.*\b(?:artifact|model|weights)\b"),
    ("code_bytes", r"\bcode\b"),
    ("total_bytes", r"artifact|bytes|total|size"),
    ("zero_frac", r"zero"),
    ("nats", r"loss|\bnats\b"),
    ("bpb", r"bpb|bpp|sliding|round ?-?trip|^rt\b|^val$|\bs\d+\b"),
)
# The words that a title of each kind may have. With any other ("rank", "per document", "%") the column may be of
# something else, and no figure in it is called wrong.
STAGES = "val validation eval final sliding slide window rt roundtrip round trip pre post ttt legal slot ema swa quant \
quantized quantization gptq compressed zstd zlib lzma brotli exact score no re run ppm mixer int4 int5 int6 int7 int8 \
stride evaluation quantization at stop printed metric diagnostic"
BYTES = "artifact total size bytes byte submission compressed model file final code and mb mib kb kib b m quantized"
WORDS: dict[str, frozenset[str]] = {
    "bpb": words(f"{STAGES} bpb bpp"),
    "nats": words(f"{STAGES} loss nats nat per token"),
    "total_bytes": words(BYTES),
    "code_bytes": words("code size bytes byte kb kib b script train gpt py"),
    "steps": words("train training final step steps"),
    "ms_per_step": words("ms s per step avg average time"),
    "step_average": words("ms s per step avg average time"),
    "zero_frac": words("zero zeros frac fraction of"),
    "rt_gap": words("rt gap roundtrip round trip bpb bpp quant"),
}
VAGUE = words("val validation eval final score")  # that may be of nats as well as of bits
OF_ANY_LOSS = words("final loss nats nat per token at stop printed run metric")  # "final loss" may be of training
REMARK = re.compile(r"\([^()]*\)$")
TRACK = re.compile(r"\(track [ab]\)", re.IGNORECASE)  # a remark: which of the contest's rules a score is by
WORD = re.compile(r"[^\W_]+|[%×^#@]")
STRIDE = re.compile(r"s\d{1,5}|\d{1,5}", re.ASCII)  # in the title of a sliding score
TITLE_UNIT = re.compile(r"(?:[(\[]|[ _,])(MiB|MB|KiB|[Kk]B|ms|s|min|bytes|B|M)[)\]]?$")
SCORES = ("bpb", "nats")
OF_STAGES = words("ttt slot sliding ema swa ppm")  # of a title, that only a stage of that name is meant by
GRID = re.compile(r"int[2-8]")  # that weights are stored on
STEP_TIMES = ("step_average", "ms_per_step")


def kind_of(title: str) -> str:
    """Which figure a column of this title holds; "" for none that logs have."""
    return next((name for name, pattern in TITLES if re.search(pattern, title.strip().lower())), "")


def is_a_stage(title: str) -> bool:
    """Whether a title names stages, a remark in brackets apart ("Pre-quant EMA", "TTT (ours)"): it may be of scores."""
    found = set(_words(REMARK.sub("", title.strip())))
    return bool(found - VAGUE) and found <= words(STAGES)


def _words(title: str) -> list[str]:
    return WORD.findall(TRACK.sub("", title).lower())


def is_plain(title: str, log: RunLog) -> bool:
    """Whether every word of a column's title is known, so that a figure in it which ``log`` lacks is wrong.

    A stride must be one of the log's, a method to score one that it has a stage of, one to compress one that it names,
    a grid ("int4") one of those that its stages name, if they name any: another may be of another export.
    """
    if title.lstrip().startswith("+"):  # "+ sliding window": a step of an ablation, before the next ones
        return False
    kind, found = kind_of(title) or ("bpb" if is_a_stage(title) else ""), _words(title)
    unknown = [word for word in found if word not in WORDS.get(kind, frozenset())]
    if kind not in SCORES:
        methods = " ".join(size.method for size in log.sizes) if kind == "total_bytes" else ""
        return all(word in methods for word in unknown)
    if not set(found) - VAGUE or (kind == "nats" and set(found) <= OF_ANY_LOSS):
        return False
    strides = {score.stride for score in log.scores if score.stride}
    scored = " ".join(stages(log)).lower()
    is_strided = all(STRIDE.fullmatch(word) and _is_one_of(int(word.lstrip("s")), strides) for word in unknown)
    is_without = any(before == "no" and word != "ttt" for before, word in pairwise(found))
    of_stages = [word for before, word in pairwise(["", *found]) if word in OF_STAGES and before not in ("pre", "no")]
    grids = set(GRID.findall(scored))
    is_of_its_grids = not grids or {*filter(GRID.fullmatch, found)} <= grids
    return is_strided and not is_without and is_of_its_grids and all(word in scored for word in of_stages)


def _is_one_of(stride: int, printed: set[int]) -> bool:
    return not printed or stride in printed


def unit_of(title: str) -> str:
    """The unit that ends a column's title ("Size (MB)", "train_time_ms"); "" if none does."""
    match = TITLE_UNIT.search(TRACK.sub("", title).strip())
    return match[1] if match else ""
