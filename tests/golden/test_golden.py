import json

import pytest

from tests.golden.make import FOLDER, GOLDEN


@pytest.mark.parametrize("name", GOLDEN)
def test_nothing_differs_from_its_golden_copy(name):
    golden, found = json.loads((FOLDER / name).read_text(encoding="utf-8")), GOLDEN[name]()
    differing = [key for key in sorted(golden.keys() | found.keys()) if golden.get(key) != found.get(key)]
    assert differing == [], "if meant: CHANGELOG, then python -m tests.golden.make"
    assert len(found) > 20
