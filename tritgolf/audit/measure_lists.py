"""Lists of measures in a README, as the contest's own have them: ``- Code size: `47642 bytes` ``."""

import re
from collections.abc import Iterator

from tritgolf.audit.seed_tables import OF_SOMETHING_ELSE, Cell, read_cell
from tritgolf.audit.stated_text import OF_OTHERS

ITEM = re.compile(
    r"[ \t]{0,4}[-*+] [*_`]{0,3}(?P<name>[A-Za-z][\w +,/()=-]{1,60}?)[*_]{0,2}:[*_]{0,2} (?P<rest>.*)", re.ASCII
)
PAIR = re.compile(r"\b(?P<name>val_(?:loss|bpb))[:=] ?(?P<figure>\d\.\d{3,8})(?!\d)", re.ASCII)


def lists_of_measures(readme: str) -> Iterator[dict[str, Cell]]:
    """Measure → its cell, of each list under a heading that isn't of something else; scores in either unit apart.

    One at the top is of the submission, whatever it names. A figure in the text behind others of its line is left out:
    what it is of, the item's name doesn't say.
    """
    found: dict[str, Cell] = {}
    is_own = True
    lines = [*readme.splitlines(), "#"]
    title = next(line for line in lines if line.strip())
    for line in lines:
        if line.startswith("#"):
            if found:
                yield found
            found, is_own = {}, line == title or not OF_SOMETHING_ELSE.search(line)
        elif is_own and (item := ITEM.match(line)) and not OF_OTHERS.search(line):
            found |= _cells(item["name"], item["rest"])


def _cells(name: str, rest: str) -> dict[str, Cell]:
    """The scores of an item by their unit, else its first figure."""
    pairs = [(pair["name"], read_cell(pair["figure"])) for pair in PAIR.finditer(rest)]
    if pairs:
        return {f"{name} {unit}": cell for unit, cell in pairs if cell}
    cell = read_cell(re.sub(r"[*`]", "", rest))
    return {name: cell} if cell else {}
