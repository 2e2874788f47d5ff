"""What a seed was trained with before, and whether what is planned now would replace it by another training.

Snakemake deletes what a job made before it runs it again. So this is asked while it plans, of what trainings say about
themselves: ``train.json`` of a finished one, ``plan.json`` beside the states of one that is not published. No torch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritgolf.config.differences import differences, shortened
from tritgolf.errors import InputError
from tritgolf.files import digest_json, read_json
from tritgolf.provenance import version_of
from tritgolf.train.live import FINISHED, PLAN

TRAINED = "trained"  # the key of both files that holds what ``trained_with`` returns
SETTINGS = ("model", "train")
NOT_RECORDED = "others, which were not recorded"
NAME_IT = "give the new one a name (--config run=NAME), or let it take this place (replace=true)"


@dataclass(frozen=True)
class Planned:
    """A seed in Snakemake's plan. ``folder``: ``results/RECORD/seedN``; ``wanted``: as ``trained_with`` returns it;
    ``trains``: whether its training is to run; ``made_again``: its shards, if they are to be made before that;
    ``published``: the files that the training makes.
    """

    folder: Path
    wanted: dict[str, Any]
    trains: bool
    made_again: Path | None
    published: tuple[Path, ...] = ()


def trained_with(settings: dict[str, Any], text: str | None, shards: str | None) -> dict[str, Any]:
    """All that weights depend on. ``settings``: of ``model`` and ``train`` as plain values, and the ``seed``; ``text``:
    its name; ``shards``: their digest, None where they are not there.
    """
    return {"version": version_of("train"), **settings, "text": text, "shards": shards}


def text_of(shards: Path) -> tuple[str, str] | tuple[None, None]:
    """Name and digest of the text in the folder ``shards``, where it is there and says it."""
    from tritgolf.data.manifest import payload_digest, read_manifest  # noqa: PLC0415  (numpy, which few jobs need)

    try:
        manifest = read_manifest(shards)
    except InputError:
        return None, None
    return manifest.dataset, payload_digest(manifest)


def check_nothing_is_lost(plan: Iterable[Planned], name_it: str = NAME_IT) -> None:
    """``InputError`` if a training that is done, or was stopped, would have to give way to another one.

    ``name_it``: what to do about it, in the words of the command that planned it.
    """
    lost: dict[tuple[str, str], list[str]] = {}
    for seed in plan:
        if told := _is_lost(seed, name_it):
            lost.setdefault(told, []).append(str(seed.folder))
    for (what, fix), folders in lost.items():
        raise InputError(shortened(folders, 3), what, fix)


def is_trained(folder: Path, wanted: dict[str, Any]) -> bool:
    """Whether the finished training of ``folder`` is what is ``wanted``, its text included."""
    try:
        before = finished(folder, wanted)
    except InputError:
        return False
    return before is not None and None not in (before.get("shards"), wanted["shards"]) and not changes(before, wanted)


def finished(folder: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What the finished training of ``folder`` was ``trained_with``; None if there is none.

    Older versions wrote digests only: then its settings are ``wanted``'s or those of ``record.json``, if their digest
    says so, else unknown. ``InputError`` for a ``train.json`` that can't be read.
    """
    path = folder / "train" / "train.json"
    if not path.exists():
        return None
    facts = read_json(path)
    try:
        return dict(facts[TRAINED]) if TRAINED in facts else _by_digests(facts, folder, wanted)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(path, "does not say what was trained", "delete it and run again") from None


def unpublished(folder: Path) -> dict[str, Any] | None:
    """The same of a training of which ``folder/live`` has states, or the end; without what older versions left out."""
    live = folder / "live"
    if not (live / PLAN).exists() or not ((live / FINISHED).exists() or any(live.glob("state_*.safetensors"))):
        return None
    plan = read_json(live / PLAN)
    return dict(plan.get(TRAINED) or {key: plan[key] for key in (*SETTINGS, "seed") if key in plan})


def changes(before: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """How ``wanted`` differs from what was trained ``before``: ``train.steps: 24 → 32``. Empty: the same weights.

    Only what both know is compared. The text's name is no difference, but tells of one.
    """
    known = [key for key in ("version", *SETTINGS, "seed") if key in before]
    if None not in (before.get("shards"), wanted["shards"]) and before["shards"] != wanted["shards"]:
        known += [key for key in ("text", "shards") if key in before]
    found = differences({key: before[key] for key in known}, {key: wanted[key] for key in known})
    return [f"settings: {NOT_RECORDED}", *found] if "settings" in before else found


def _is_lost(seed: Planned, name_it: str) -> tuple[str, str] | None:
    """What would be lost and what to do about it; None if nothing would."""
    done = finished(seed.folder, seed.wanted)
    if done and seed.trains and (told := changes(done, seed.wanted)):
        return f"trained already; another training would replace this one ({shortened(told, 6)})", name_it
    if done and seed.made_again:
        fix = "make the text first (target data): the same text trains nothing anew; or say replace=true"
        return f"trained already; its text, {seed.made_again}, would be made again, maybe as another", fix
    stopped = unpublished(seed.folder) if seed.trains else None
    if stopped and (told := changes(stopped, seed.wanted)):
        what = f"its live holds a stopped training; another one would delete its states ({shortened(told, 6)})"
        return what, name_it
    return _is_incomplete(seed) if seed.trains and not stopped else None


def _is_incomplete(seed: Planned) -> tuple[str, str] | None:
    """A training of which some files are there and some gone: it would run again for these, and replace all of them."""
    gone = [str(path.relative_to(seed.folder)) for path in seed.published if not path.exists()]
    if not gone or len(gone) == len(seed.published):
        return None
    what = f"trained already, but {shortened(gone, 3)} {'is' if len(gone) == 1 else 'are'} gone"
    return what, "put back what is gone, or let all of it be trained again and replaced (replace=true)"


def _by_digests(facts: dict[str, Any], folder: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """What the ``train.json`` of an older version says: the stage's version in its schema, and digests."""
    made_from, seed = facts["provenance"], facts["seed"]
    found = {"version": int(facts["schema"].split("/")[-1]), "seed": seed, "shards": made_from["inputs"]["shards"]}
    record = folder.parent / "record.json"
    for settings in (wanted, read_json(record) if record.exists() else {}):
        own = {key: settings.get(key) for key in SETTINGS}
        if digest_json([*own.values(), seed]) == made_from["configuration_digest"]:
            return found | own
    return found | {"settings": NOT_RECORDED}
