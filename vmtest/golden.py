# SPDX-License-Identifier: Apache-2.0
"""The features that `shunt doctor` found in a guest against vmtest/expected/KERNEL.json.

SHUNT_UPDATE_GOLDEN=1 writes the file instead; VMTEST_EXPECTED is another folder (for selftest.sh).
"""
import difflib
import json
import os
from pathlib import Path

EXPECTED = Path(os.environ.get("VMTEST_EXPECTED") or Path(__file__).resolve().parent / "expected")
AGAIN = "on purpose? SHUNT_UPDATE_GOLDEN=1 vmtest/run.sh --suite features, then vmtest/kernels_doc.py --write"


def dump(features):
    return json.dumps(features, indent=2, sort_keys=True) + "\n"


def load(kernel):
    return json.loads((EXPECTED / f"{kernel}.json").read_text())


def compare(kernel, answer):
    """-> None where the answer is the expected one, else what is wrong."""
    path = EXPECTED / f"{kernel}.json"
    try:
        features = json.loads(answer)["features"]
    except (ValueError, KeyError, TypeError) as error:
        return f"the answer of doctor has no features ({error!r}):\n{answer[:400]}"
    # Without privileges doctor finds none and says so; an empty golden file would be met by every such run.
    if not features or not all(isinstance(value, bool) for value in features.values()):
        return f"features are a map of names to true or false, not {features!r}"
    if os.environ.get("SHUNT_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump(features))
        print(f"vmtest: written: {path}")
        return None
    if not path.exists():
        return f"{path} does not exist; {AGAIN}"
    try:
        old = dump(load(kernel))
    except ValueError as error:
        return f"{path}: {error}"
    diff = difflib.unified_diff(old.splitlines(), dump(features).splitlines(), f"expected/{path.name}",
                                "found on this kernel", n=0, lineterm="")
    return "\n".join([*diff, AGAIN]) if old != dump(features) else None
