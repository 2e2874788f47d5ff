"""Sizes that count the script packed, of runs whose logs count it as it is; code that is counted with other files."""

import base64
import lzma
from functools import cache
from random import Random

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.outcome import Verdict

CODE = 47_642  # bytes of the script that the logs of this style count
MODELS = {1: 15_960_000, 2: 15_961_111, 3: 15_962_222}
PACKED = "\nAll artifacts fit (with LZMA code wrap).\n"


def logs():
    return {f"train_seed{seed}": styles.int6(seed, bpb).replace("15652358", f"{MODELS[seed]}")
            .replace("int6+zstd: 15700000", f"int6+zstd: {MODELS[seed] + CODE}")
            for seed, bpb in styles.SEEDS.items()}  # fmt: skip


@cache
def script():
    """A script that unpacks a source of CODE bytes."""
    source = "".join(Random(0).choices("abcdefgh\n#", k=CODE))
    text = base64.b85encode(lzma.compress(source.encode())).decode()
    return f'import lzma, base64\nexec(lzma.decompress(base64.b85decode("{text}")))\n'


def stating(path, code, note, packed=False):
    """A folder whose table and JSON state each model and so much code."""
    sizes = {seed: model + code for seed, model in MODELS.items()}
    rows = {seed: (styles.SEEDS[seed], size) for seed, size in sizes.items()}
    by_seed = {str(seed): {"val_bpb": styles.SEEDS[seed], "artifact_bytes": size} for seed, size in sizes.items()}
    facts = {"val_bpb": 1.1705, "seed_results": by_seed}
    readme = f"# A record\n\n**val_bpb: 1.1705** (mean of three seeds)\n{note}\n{styles.table(rows, '1.1705')}"
    made = folder(path, logs(), readme, facts)
    (made / "train_gpt.py").write_text(script() if packed else "#" * CODE)
    return made


def verdicts(path, *checks):
    findings = {finding.check: finding.verdict for finding in audit(path).findings}
    return [findings[check] for check in checks]


def test_a_seeds_size_may_be_its_model_and_the_script_as_shipped(tmp_path):
    made = stating(tmp_path, len(script()), "", packed=True)
    assert verdicts(made, "json.bytes", "tables.rows") == [Verdict.HOLDS] * 2


@pytest.mark.parametrize("packed", [True, False])
def test_sizes_of_another_script_than_that_shipped_are_wrong(packed, tmp_path):
    made = stating(tmp_path, 20_000, "", packed)
    assert verdicts(made, "json.bytes", "tables.rows") == [Verdict.CONTRADICTED] * 2


def test_sizes_with_one_smaller_script_are_open_where_the_readme_says_that_it_is_packed(tmp_path):
    made = stating(tmp_path / "a", 20_000, PACKED)
    assert verdicts(made, "json.bytes", "tables.rows") == [Verdict.CANT_TELL] * 2
    one = (made / "README.md").read_text().replace(f"{MODELS[2] + 20_000:,}", f"{MODELS[2] + 20_001:,}")
    (made / "README.md").write_text(one)  # which no other seed's size makes
    assert verdicts(made, "json.bytes", "tables.rows") == [Verdict.CONTRADICTED] * 2


COUNTED = "| Code ({}) | 91,208 |"
HTML = "<table>\n <tr>\n  <td>\n   Code ({})\n  </td>\n  <td>\n   91,208\n  </td>\n </tr>\n</table>"
WRAPPED = "The code counts in full, all of it\n({}) in\nUTF-8: 91,208 bytes."


@pytest.mark.parametrize(("files", "verdict"), [
    ("train_gpt.py + mamba.py + tokenizer", Verdict.CANT_TELL),
    ("train_gpt.py", Verdict.CONTRADICTED),
])  # fmt: skip
@pytest.mark.parametrize("shipped", [True, False])
@pytest.mark.parametrize(
    "told", [f"| Part | Bytes |\n|---|---|\n{COUNTED}", HTML, WRAPPED], ids=["row", "html", "prose"]
)
def test_code_that_is_counted_with_other_files_is_not_the_scripts(files, verdict, shipped, told, tmp_path):
    """A size in another line than the names, as in HTML or wrapped prose, was said to be the script's."""
    readme = f"# val_bpb: 1.2244\n\n{told.format(files)}\n"
    made = folder(tmp_path, {"train": styles.baseline()}, readme, {"val_bpb": 1.2244, "code_bytes": 91_208})
    if shipped:
        (made / "train_gpt.py").write_text("#" * CODE)
    assert verdicts(made, "budget.script") == [verdict]


@pytest.mark.parametrize(("stated", "verdict"), [(91_208, Verdict.CANT_TELL), (31_208, Verdict.CONTRADICTED)])
def test_code_larger_than_logged_may_count_files_where_nothing_says_of_which_it_is(stated, verdict, tmp_path):
    """Without its README a folder was accused of a size that the README said was of several files."""
    made = folder(tmp_path, {"train": styles.baseline()}, None, {"val_bpb": 1.2244, "code_bytes": stated})
    assert verdicts(made, "budget.script") == [verdict]


def test_a_script_of_another_size_than_logged_is_wrong_whatever_else_is_counted(tmp_path):
    readme = f"# val_bpb: 1.2244\n\n| Part | Bytes |\n|---|---|\n{COUNTED.format('train_gpt.py + mamba.py')}\n"
    made = folder(tmp_path, {"train": styles.baseline()}, readme, {"val_bpb": 1.2244, "code_bytes": 91_208})
    (made / "train_gpt.py").write_text("#" * (CODE + 1))
    assert verdicts(made, "budget.script") == [Verdict.CONTRADICTED]


def test_sizes_of_a_packed_script_are_open_where_the_logs_are_told_by_their_names(tmp_path):
    made = stating(tmp_path, 20_000, PACKED)
    for log in made.glob("*.log"):
        log.write_text(log.read_text().replace(f"\nseed:{log.stem[-1]}\n", "\n"))
    assert verdicts(made, "tables.rows") == [Verdict.CANT_TELL]
