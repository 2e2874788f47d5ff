"""Planned trainings that were done before under another name: storing or scoring otherwise needs no new one."""

from collections.abc import Iterable

from tritgolf.config.differences import shortened
from tritgolf.config.record import named_again
from tritgolf.train.earlier import Planned, is_trained, unpublished


def trained_alike(plan: Iterable[Planned]) -> list[str]:
    """A line for each record of the results that was trained with just what is planned for another one."""
    found: dict[str, list[str]] = {}
    for seed in plan:
        if other := _trained_as(seed):
            found.setdefault(other, []).append(str(seed.folder))
    return [
        f"{shortened(folders, 3)}: {other} was trained with just these settings and this text; to store or score that "
        f"otherwise without training, name it (--config {named_again(other)}) and override export and evaluate alone"
        for other, folders in found.items()
    ]


def _trained_as(seed: Planned) -> str | None:
    """The other record, or run of one, of which the same seed is trained so; None where nothing begins anew."""
    if not seed.trains or seed.wanted["shards"] is None:  # a text that is not made yet is no other's
        return None
    if (seed.folder / "train" / "train.json").exists() or unpublished(seed.folder):
        return None
    results = seed.folder.parent.parent
    others = sorted(results.glob(f"*/{seed.folder.name}/train/train.json"))
    folders = (path.parent.parent for path in others)
    return next((folder.parent.name for folder in folders if is_trained(folder, seed.wanted)), None)
