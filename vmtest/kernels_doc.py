#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The feature table of docs/kernels.md, made from vmtest/expected/*.json and the words of userspace/kernel/survey.cpp.

usage: kernels_doc.py --write | --check    exit of --check: 1 where the page is not what the files say
"""
import difflib
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import golden  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/kernels.md"
BEGIN, END = "<!-- features: made by vmtest/kernels_doc.py -->", "<!-- end of features -->"
STRING = r'(?:"(?:[^"\\]|\\.)*"\s*)+'
ROW = re.compile(rf'\{{"(\w+)",[^"]*?,\s*(true|false),\s*({STRING}),\s*(\w+|{STRING})\}}')


def survey():
    """The rows of survey_features(), in their order -> name, required, what for, what happens without."""
    text = (ROOT / "userspace/kernel/survey.cpp").read_text()
    constants = dict(re.findall(rf"const char\* (\w+) = ({STRING});", text))
    plain = lambda word: "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', constants.get(word, word)))
    return [(name, required == "true", plain(used), plain(without)) for name, required, used, without in ROW.findall(text)]


def kernels():
    lines = (ROOT / "vmtest/kernels.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def table():
    names, rows = kernels(), survey()
    found = {name: golden.load(name) for name in names}
    for name in names:
        if set(found[name]) != {row[0] for row in rows}:
            odd = sorted(set(found[name]) ^ {row[0] for row in rows})
            sys.exit(f"vmtest/expected/{name}.json and survey.cpp differ in {', '.join(odd)}; {golden.AGAIN}")
    lines = ["| feature | " + " | ".join(names) + " | for | where it is missing |", "|---|" + "---|" * (len(names) + 2)]
    for feature, required, used, without in rows:
        cells = ["yes" if found[name][feature] else "**no**" for name in names]
        without = "required: " + without if required else without
        lines.append("| " + " | ".join([f"`{feature}`", *cells, used, without]) + " |")
    return "\n".join(lines)


def main(arguments):
    if arguments not in (["--write"], ["--check"]):
        sys.exit(__doc__)
    page = PAGE.read_text()
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        sys.exit(f"{PAGE}: the lines '{BEGIN}' and '{END}' have to be there once")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    wanted = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if arguments == ["--write"]:
        PAGE.write_text(wanted)
    elif page != wanted:
        print("\n".join(difflib.unified_diff(page.split("\n"), wanted.split("\n"), "docs/kernels.md", "vmtest/expected",
                                             n=0, lineterm="")))
        print("docs/kernels.md is not what vmtest/expected says: vmtest/kernels_doc.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
