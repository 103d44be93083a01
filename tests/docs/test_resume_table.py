"""docs/checkpoints.md says of a changed key what the schema's row says of it."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r"^    (?:WHOLE|NUMBER|NUMBER_OR_OFF|BOOL|WORD|STRING|STAGES|PATH)\(\s*([a-z_0-9.]+),\s*([A-Z_]+),", re.M)
MEANS = {"CHANGE_REFUSED": "refused", "CHANGE_LOSSES": "another kind", "CHANGE_BEST": "chosen anew",
         "CHANGE_LENGTH": r"counted anew|train\.stages", "CHANGE_NOT_BITS": "not bit for bit"}


def test_each_key_with_an_effect_stands_in_the_table():
    schema = (ROOT / "src/driver/config/config_schema.c").read_text()
    keys = dict(ROW.findall(schema))
    losses = re.findall(r"X\([A-Z0-9_]+, (\w+), [\d.]+,", (ROOT / "src/base/include/base/losses.h").read_text())
    keys |= dict.fromkeys([f"loss.{name}" for name in losses], re.search(r"NUMBER\(loss\.key, (\w+),", schema)[1])
    effects = dict(re.findall(r"^#define (\w+) +(?:\\\s+)?(CHANGE_\w+),", schema, re.M))
    assert len(keys) > 80 and set(keys.values()) == set(effects)
    text = (ROOT / "docs/checkpoints.md").read_text()
    table = re.search(r"^\| key \| a change \|\n.*?\n\n", text, re.M | re.S)[0].strip().splitlines()[2:]
    told = {}
    for row in table:
        named, effect = row.strip("| ").split(" | ", 1)
        for pattern in re.findall(r"`([a-z_0-9.]+\*?)`", named):
            for key in [k for k in keys if re.fullmatch(pattern.replace(".", r"\.").replace("*", ".*"), k)]:
                assert key not in told, f"{key} stands in two rows"
                told[key] = effect
    for key, name in keys.items():
        if effects[name] == "CHANGE_FREE":
            assert key not in told, f"{key} may change freely, and the table says: {told.get(key)}"
        else:
            assert re.search(MEANS[effects[name]], f"{told.get(key)} {key}"), f"{key} ({name}): {told.get(key)}"
