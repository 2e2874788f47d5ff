"""Scores, means and spreads that a README's text states, outside its tables."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from tritgolf.audit.intervals import Printed
from tritgolf.audit.markdown import headings_above

DIFFERENCE = (
    r"(?:regress|wors|better|gap\b|degrad|penalt|reduc|gain|drop|lower|higher|los[st]\b|apart|above|below|behind)"
)
SCORE = re.compile(  # no difference: "0.371 bpb worse"
    r"(?i:val[_\\ ]{0,3}bp[bp])[\"'`*:\s=≈]{0,8}(\d\.\d{3,8})"
    r"|(?<![\d.+−–—-])(\d\.\d{3,8})\**\s*(?:BPB|BPP|bpb|bpp|val_bpb)\b(?!\W{0,4}[:=])(?![*`]{0,3} (?i:"
    + DIFFERENCE
    + r"))"
    r"|\b[Mm]ean\b(?! improvement)(?: ?± ?(?:σ|std\b|sd\b))?(?:(?!std|±)[^.\d|(,;]){0,40}(\d\.\d{3,8})",
    re.ASCII,
)
IN_BITS = re.compile(r"bp[bp]\b", re.IGNORECASE)
FIGURE = re.compile(r"\d\.\d{3,8}", re.ASCII)
BEFORE = re.compile(r"\bpre\b|unquantized|before", re.IGNORECASE)
LINE_OF_BEFORE = re.compile(
    r"[\s*+-]{0,8}(?:(?:best|final|last|diagnostic) )?"
    r"(?:pre[- ]?quant(?:ized|ization)?|unquantized|before quant\w*)\b(?![- ]?ttt)",
    re.IGNORECASE,
)
OF_OTHERS = re.compile(
    r"sota|merged|\b(?:current|existing|standing|former|official) (?:\w{1,20} ){0,2}record\b"
    r"|baseline|previous|\bprior\b|improv|delta|compar|best pr\b|\breports?\b|\b(?:for|base) reference\b"
    r"|ablat|\bwithout\b|\bearlier\b|\btarget|\bexpect|\breproduc|\brerun by|\bwould\b|\bsweep\b|leaderboard"
    r"|^(?:[^#]|#(?!\d{2,5}\b))*#\d{2,5}\b.*\breported\b",  # behind the first number: each anew takes the square
    re.IGNORECASE,
)
OF_AN_EARLIER_ONE = re.compile(r"\b(?:superseded|obsolete|outdated|change ?log)\b", re.IGNORECASE)  # headings
BEFORE_OTHERS = re.compile(r"\bprior\b|previous|\bsota\b|\bmerged\b", re.IGNORECASE)  # the line behind is
AFTER_MEAN = re.compile(r"\b(?:mean|avg|average)\b[^|);]{0,60}?(?<![\d.])(\d\.\d{3,8})", re.IGNORECASE | re.ASCII)
BEFORE_MEAN = re.compile(  # "1.1625 (mean across 3 seeds)"
    r"(?<![\d.+−–—-])(\d\.\d{3,8})[*`]*\s*\((?:[\w-]+ ){0,2}(?:mean|avg|average)\b", re.IGNORECASE | re.ASCII
)
MEAN = re.compile(r"\bmean\b|\bavg\b|\baverage\b", re.IGNORECASE)
SPREAD = re.compile(
    r"(?:\bstd(?:dev)?\b|\bstdev\b|standard deviation|(?P<sign>±|\+/-))\W{0,4}(?P<figure>0?\.\d{3,8})"
    r"(?!\d|\s?(?:[%‰]|m(?:illi)?-?bp[bp]))",
    re.IGNORECASE | re.ASCII,
)
OTHER_SPREAD = re.compile(  # words of a line whose spread is no std of runs
    r"\bs\.?e\.?m\b|\bstd\.? ?err|stderr|standard error|\bCI\b|confidence|\brange\b"
    r"|(?:across|over|per) (?:doc|batch|window)",
    re.IGNORECASE,
)
OWN_LINE = re.compile(r"\W*(?:sample |population )?(?:std|standard deviation|stdev|±)", re.IGNORECASE)  # of a list
SPREAD_OF_SEEDS = re.compile(  # in a line of its own: "3-seed std: 0.0007"
    r"^[^\w\n]{0,20}(?P<count>\d|two|three|four|five|six|seven)[- ]seeds? (?:sample |population )?"
    r"(?:std|standard deviation)\b[\s:=*`]{1,8}(?P<figure>0?\.\d{3,8})",
    re.IGNORECASE | re.ASCII | re.MULTILINE,
)
OF_A_PULL_REQUEST = re.compile(r"#\d{2,5} ?\([^()\n]*\)", re.ASCII)  # with what is said of it in brackets
COUNT = re.compile(r"\b(\d|two|three|four|five|six|seven)[- ](?:seeds?|runs?)\b", re.IGNORECASE)
BEHIND_VS = re.compile(r"\bvs\b.*", re.IGNORECASE)  # what a line sets its own score against
LABEL = re.compile(r"\W*(?:mean[ _])?val[_ ]bp[bp]\W", re.IGNORECASE)  # how a line of the own score begins
SET_AGAINST = re.compile(  # "(baseline: 1.2244, improvement: 0.045)": of another, behind the own score
    r"\((?:\w{1,20} )?(?:baseline|sota|previous|prior)\b[^()\d]{0,20}\d\.\d{3,8}[^()]{0,200}\)",
    re.IGNORECASE | re.ASCII,
)
FIGURE_BELOW = re.compile(  # a figure alone below the line that ends in a colon, be it fenced
    r"(:\**)[ \t\r]*\n(?:[ \t\r]*\n){0,2}(?: {0,3}```\w{0,10}[ \t\r]*\n)?"
    r"[ \t*`]{0,8}(\d\.\d{3,8})[ \t*`\r]{0,8}(?:\n {0,3}```[ \t\r]*)?$",
    re.ASCII | re.MULTILINE,
)
TOP = 5  # lines of a README in which its own score stands
LIST = 2  # lines from a mean to its std, where the two are items of a list
LEAST_SCORE = 0.3  # bits a byte
WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
# Behind such a break no prose goes on.
LINE_BREAK = re.compile(r"\r?\n(?=[ \t>]*(?:[-*+|#<`]|\d{1,3}[.)]\s|\r?\n))")
NAMED_SEEDS = re.compile(  # "mean across 1337/42", "seeds 1, 2 and 3"
    r"\b(?:seeds?|runs?|across|over|of)\b[^\d|.;,]{1,40}"
    r"((?:\d{1,6}(?:\s?[,/&+]\s?(?:and )?|\s(?:and|&)\s)){1,9}\d{1,6})(?![\d.,]*\d)",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True)
class Stated:
    """A score that a text states. ``is_mean``: whether it says so; ``count``: of how many runs; ``spread``: its std.

    ``is_beside``: the std stands behind a ±, which may be of a standard error or of half a range as well.
    ``is_headline``: whether it is of submission.json, or at the top of the README; ``is_title``: of its first heading.
    ``seeds``: those that its line names. ``is_labelled``: whether its line begins with "val_bpb". ``in_nats``: whether
    it is a loss. ``is_of_before``: whether its line begins with what was scored before quantization.
    """

    where: str
    printed: Printed
    is_mean: bool = False
    count: int | None = None
    spread: Printed | None = None
    is_beside: bool = False
    is_headline: bool = True
    is_title: bool = False
    seeds: tuple[int, ...] = ()
    is_labelled: bool = False
    in_nats: bool = False
    is_of_before: bool = False


def lines_with(readme: str | None, count: int) -> list[str]:
    """The lines that have this whole number, with separators of thousands or without; wrapped prose is one line."""
    figure = re.compile(rf"(?<![\d,.])(?:{count:,}|{count})(?![\d,.]*\d)")
    return [line for line in LINE_BREAK.split(readme or "") if figure.search(line)]


@lru_cache(maxsize=4)
def stated_scores(readme: str | None) -> tuple[Stated, ...]:
    """The submission's own scores in the README's text (not its tables), the headline first; no scores of others.

    Those of lines that begin with "pre-quant" come last: they are no headline.
    """
    found: dict[str, Stated] = {}
    last, at = "", 0
    text = FIGURE_BELOW.sub(r"\1 \2", readme or "")
    lines = [line for line in text.splitlines() if line.strip()]
    title = next((place for place, line in enumerate(lines) if line.startswith("#")), -1)
    for place, (line, heading) in enumerate(zip(lines, headings_above(lines), strict=True)):
        if OF_AN_EARLIER_ONE.search(heading):
            continue
        if line.lstrip(" \t>").startswith(("|", "<t")):
            continue
        own = BEHIND_VS.sub("", SET_AGAINST.sub("", OF_A_PULL_REQUEST.sub("", line)))
        scores = [text for match in SCORE.finditer(own) if _is_score(text := next(filter(None, match.groups())))]
        spread = _spread(line) if OWN_LINE.match(line) and place - at <= LIST else None
        if not (scores or spread) or _is_of_others(own, lines, place):
            continue
        if scores:  # "1.16 bpb (best seed) / 1.17 (mean)"
            scores += filter(_is_score, BEFORE_MEAN.findall(own))
            last, at = scores[-1], place
            for of_line in _stated(line, scores):
                claim = replace(of_line, is_headline=place < TOP, is_title=place == title)
                found[claim.printed.text] = _merged(found.get(claim.printed.text), claim)
        if spread and not scores and last and found[last].is_mean and found[last].spread is None:
            # A list: "mean: …", "std: …".
            found[last] = replace(found[last], spread=Printed(spread["figure"]), is_beside=bool(spread["sign"]))
    return tuple(sorted(found.values(), key=lambda claim: claim.is_of_before)) or _measures(lines)


def _is_of_others(own: str, lines: Sequence[str], place: int) -> bool:
    """Whether a line, or the one before it, speaks of another system; ``own``: the line without what it is set against.

    It takes long to ask, so only a line with a figure is.
    """
    return OF_OTHERS.search(own if LABEL.match(own) else lines[place]) is not None or _names_others(lines, place)


def _names_others(lines: Sequence[str], place: int) -> bool:
    """Whether the line before this one names another system, and ends in a colon: "Prior SOTA (by …):"."""
    named, _, behind = lines[place - 1].rpartition(":") if place else ("", "", "")
    return not behind.replace("*", "").strip() and bool(BEFORE_OTHERS.search(named))


def _measures(lines: Iterable[str]) -> tuple[Stated, ...]:
    """The scores of rows that name a measure and have its value, the lowest first: of a README whose text has none.

    None is certainly the headline, and scores from before quantization are left out.
    """
    rows = (line.strip(" \t|").split("|") for line in lines if line.lstrip().startswith("|"))
    named = ((row[0], row[1].strip(" \t*`")) for row in rows if len(row) == 2 and not OF_OTHERS.search(row[0]))
    measures = ((name, text) for name, text in named if FIGURE.fullmatch(text) and IN_BITS.search(name))
    found = {text: name for name, text in measures if _is_score(text)}
    scores = sorted((figure for figure, name in found.items() if not BEFORE.search(name)), key=float)
    claims = (claim for figure in scores for claim in _stated(found[figure], [figure]))
    return tuple(replace(claim, is_headline=False) for claim in claims)


def spreads_of_seeds(readme: str, count: int) -> list[Printed]:
    """The stds of ``count`` seeds that stand in lines of their own, wherever the mean is."""
    return [Printed(match["figure"]) for match in SPREAD_OF_SEEDS.finditer(readme)
            if count == (WORDS.get(match["count"].lower()) or int(match["count"]))]  # fmt: skip


def _merged(earlier: Stated | None, claim: Stated) -> Stated:
    """One score that is stated twice, as in the title and below it: the first one's place, all that is said of it."""
    if earlier is None:
        return claim
    return replace(claim, is_mean=earlier.is_mean or claim.is_mean, count=earlier.count or claim.count,
                   spread=earlier.spread or claim.spread,
                   is_beside=earlier.is_beside if earlier.spread else claim.is_beside,
                   is_headline=earlier.is_headline or claim.is_headline,
                   is_title=earlier.is_title or claim.is_title,
                   seeds=earlier.seeds or claim.seeds,
                   is_labelled=earlier.is_labelled or claim.is_labelled,
                   is_of_before=earlier.is_of_before and claim.is_of_before)  # fmt: skip


def _is_score(text: str) -> bool:
    """Whether a number can be a score in BPB, and no difference of two."""
    return float(text) >= LEAST_SCORE


def _stated(line: str, scores: Iterable[str]) -> Iterator[Stated]:
    """Each of a line's scores, once, with what the line says of them.

    The line is read once for all of them: once for each would take time in the square of their number.
    """
    texts = dict.fromkeys(scores)
    spread, count = _spread(line), COUNT.search(line)
    number = count[1].lower() if count else ""
    means_in_brackets = {*BEFORE_MEAN.findall(line)}
    means = {text for text in means_in_brackets.union(AFTER_MEAN.findall(line)) if _is_score(text)}
    is_alone = len(texts) == 1 and bool(MEAN.search(line)) and means <= texts.keys()
    stated = partial(
        Stated,
        "README",
        count=WORDS.get(number) or (int(number) if number.isdecimal() else None),
        spread=Printed(spread["figure"]) if spread else None,
        is_beside=bool(spread and spread["sign"]),
        seeds=tuple(map(int, re.findall(r"\d+", named[1]))) if (named := NAMED_SEEDS.search(line)) else (),
        is_labelled=LABEL.match(line) is not None,
        is_of_before=LINE_OF_BEFORE.match(line) is not None,
    )
    for text in texts:
        yield stated(Printed(text), is_mean=is_alone or text in means_in_brackets)


def _spread(line: str) -> re.Match[str] | None:
    """The std of a line; none where it speaks of standard errors, intervals, ranges, or the spread over documents."""
    return None if OTHER_SPREAD.search(line) else SPREAD.search(line)
