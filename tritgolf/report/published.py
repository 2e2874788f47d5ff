"""Published figures, a folder a system: ``seeds.csv``, and ``figures.yaml``, which says what each is compared with.

``published/pr920`` is what #920 published. A folder may state only what differs from another's: ``inherit: pr920``, and
null for a figure that it has not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from tritgolf.config.layers import merge
from tritgolf.config.settings import Settings, validate
from tritgolf.config.yaml_files import read_yaml
from tritgolf.errors import InputError
from tritgolf.report.record_facts import RecordFacts, published_system

if TYPE_CHECKING:
    import pandas as pd

SEEDS, FIGURES = "seeds.csv", "figures.yaml"
PUBLISHED_DATASET = "fineweb"  # the text of #640's and #920's scores
OF_THE_TEXT = "BPB"  # the unit of figures that can't be compared across texts
RESTORE = "restore it from the repository"


class Figure(Settings):
    """A published column: what tables call it, the column of ours (``seed_frame``) that counts it alike, its unit and
    decimals. ``unit`` BPB: it depends on the text."""

    heading: str
    figure: str
    unit: str = ""
    decimals: int


class Figures(Settings):
    """``figures.yaml``: the ``dataset`` that the published scores are of, how both sides are counted (``note``), and
    the published columns that are compared; ``table``: those of the printed table, which is recomputed if there are
    any; ``marks``: what is said beside the scores of a column that are no valid ones."""

    dataset: str
    note: str
    table: tuple[str, ...] = ()
    marks: dict[str, str] = Field(default_factory=dict)
    figures: dict[str, Figure]


@dataclass(frozen=True)
class PublishedSystem:
    """A system's published figures: ``seeds`` has a row a seed."""

    system: str
    figures: Figures
    seeds: "pd.DataFrame"


def systems(folder: str | Path) -> list[str]:
    """The systems that have figures in the ``published`` folder."""
    return sorted(path.parent.name for path in Path(folder).glob(f"*/{FIGURES}"))


def published_files(folder: str | Path, source: str) -> list[Path]:
    """The files that a record with this ``source`` (``#920``, ``baseline``) is compared with; none for one without."""
    system = published_system(source)
    if system not in systems(folder):
        return []
    return [Path(folder) / system / SEEDS, *_chain(Path(folder) / system)]


def read_figures(folder: str | Path) -> Figures:
    """``figures.yaml`` of a system's folder, with what it inherits. Raises ``InputError`` that names file and key."""
    raw: dict = {}
    for path in reversed(_chain(Path(folder))):
        raw = merge(raw, read_yaml(path))
    raw.pop("inherit", None)
    figures = raw.get("figures")
    if isinstance(figures, dict):  # null: one that it inherits and did not publish
        raw["figures"] = {name: figure for name, figure in figures.items() if figure is not None}
    return validate(Figures, raw, Path(folder) / FIGURES)


def read_published(folder: str | Path) -> PublishedSystem:
    """The published figures in a system's folder; a damaged file, or one without a column, is an ``InputError``."""
    import pandas as pd  # noqa: PLC0415  (planning asks for the files alone, and pandas takes half a second)

    figures, path = read_figures(folder), Path(folder) / SEEDS
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(path, f"cannot be read as CSV ({error})", RESTORE) from None
    if missing := sorted({"seed", *figures.figures, *figures.table} - set(frame.columns)):
        raise InputError(path, f"lacks the columns {', '.join(missing)}", RESTORE)
    return PublishedSystem(Path(folder).name, figures, frame)


def published_for(facts: RecordFacts, files: Sequence[str | Path]) -> PublishedSystem:
    """What was published of the record's source, from its ``published_files``; ``InputError`` where there are none."""
    if not files:
        problem = f"has no published figures of its source, {facts.source!r}"
        fix = f"add {SEEDS} and {FIGURES} in published/{published_system(facts.source) or 'NAME, and source: NAME'}"
        raise InputError(f"record {facts.name!r}", problem, fix)
    return read_published(Path(files[0]).parent)


def _chain(folder: Path) -> list[Path]:
    """The folder's ``figures.yaml``, then those it inherits from."""
    chain = [folder / FIGURES]
    while parent := read_yaml(chain[-1]).get("inherit"):
        path = folder.parent / str(parent) / FIGURES
        if path in chain:
            raise InputError(chain[0], f"inherit: {parent!r} comes round to itself", "break the ring")
        chain.append(path)
    return chain
