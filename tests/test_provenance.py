import pytest

from tritgolf import provenance
from tritgolf.provenance import SCHEMAS, USES, VERSIONS, version_of


def test_a_component_is_told_once_it_computes_something_else(monkeypatch):
    """Before that, params are what they were without it, so no result gets stale by its having a version."""
    monkeypatch.setattr(provenance, "VERSIONS", VERSIONS | {"new": 1, "train": 2})
    monkeypatch.setattr(provenance, "USES", {"train": ("new",)})
    assert version_of("train") == 2
    monkeypatch.setattr(provenance, "VERSIONS", VERSIONS | {"new": 3, "train": 2})
    assert version_of("train") == {"train": 2, "new": 3}
    assert version_of("corpus") == VERSIONS["corpus"]
    assert version_of("corpus", ["new", "without a version"]) == {"corpus": VERSIONS["corpus"], "new": 3}


@pytest.mark.parametrize("stage", SCHEMAS)
def test_every_stage_that_writes_metrics_has_a_version(stage):
    assert VERSIONS[stage] > 0


def test_stages_use_components_that_have_a_version():
    assert VERSIONS.keys() >= set(USES) | {component for used in USES.values() for component in used}
