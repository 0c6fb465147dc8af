# SPDX-License-Identifier: Apache-2.0
"""Reads what the guests sent, writes RESULTS/KERNEL/junit.xml, prints the table kernel x test.

usage: report.py RESULTS KERNEL...    exit: 0 all passed, 1 something failed or no test ran
"""
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

sys.dont_write_bytecode = True
import golden  # noqa: E402

PASS, FAIL, SKIP = "ok", "FAIL", "skip"


def clean(text):
    """XML 1.0 has no control characters, consoles do."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", text)


def parse(text):
    """The lines of ttyS1 (guest/suites.sh says the form) -> files by name, (phase, suite) started, their status, and QEMU's
    CPU seconds for "boot" and each "phase.suite" (lib/guest.sh stamps those lines)."""
    files, started, status, cpu, name, lines, since = {}, [], {}, {}, None, [], 0.0
    for line in text.replace("\r", "").split("\n"):
        if name is not None:
            if line == "@@end " + name:
                files[name], name = "\n".join(lines), None
            else:
                lines.append(line)
            continue
        line, _, stamp = line.partition(" cpu=")
        word, *rest = line.split() or [""]
        if word == "@@file":
            name, lines = line[7:], []
        elif word == "@@kernel":
            cpu["boot"] = since = int(stamp) / 100
        elif word == "@@suite":
            started.append(tuple(rest))
            since = int(stamp) / 100
        elif word == "@@status":
            phase, suite, code, seconds = rest
            status[phase, suite] = int(code), float(seconds)
            cpu[f"{phase}.{suite}"] = int(stamp) / 100 - since
    return files, started, status, cpu


def from_gtest(text):
    for suite in xml.fromstring(text).iter("testsuite"):
        for case in suite.iter("testcase"):
            failures = [node.get("message", "") for node in case.findall("failure")]
            skipped = case.find("skipped")
            if case.get("status") == "notrun":
                continue
            name = suite.get("name") + "." + case.get("name")
            if failures:
                yield name, FAIL, "\n".join(failures), float(case.get("time", 0))
            elif skipped is not None or case.get("result") == "skipped":
                yield name, SKIP, skipped.get("message", "") if skipped is not None else "", 0.0
            else:
                yield name, PASS, "", float(case.get("time", 0))


def from_tap(text):
    cases = []
    for line in text.split("\n"):
        if line.startswith("ok "):
            cases.append([line[3:], PASS, "", 0.0])
        elif line.startswith("not ok "):
            cases.append([line[7:], FAIL, "", 0.0])
        elif line.startswith("# ") and cases:
            cases[-1][2] += line[2:] + "\n"
    return [tuple(case) for case in cases]


def cases_of(folder):
    """All test cases of one guest, (name, result, message, seconds), the notes of its suites, and their CPU seconds.

    What should have come and did not is a failure.
    """
    state = (folder / "state").read_text().strip()
    log = folder / "results.log"
    files, started, status, cpu = parse(log.read_text(errors="replace") if log.exists() else "")
    cases = []
    for phase, suite in started:
        key, prefix = f"{phase}.{suite}", "" if phase == "plain" else phase + "/"
        code, seconds = status.get((phase, suite), (None, 0.0))
        try:
            found = list(from_gtest(files[key + ".xml"])) if key + ".xml" in files else from_tap(files.get(key + ".tap", ""))
        except xml.ParseError as error:
            found = [(suite + ".xml", FAIL, f"not readable: {error}", 0.0)]
        tail = files.get(key + ".log", "")
        if code is None:
            found.append((suite + ".ended", FAIL, "the guest ended while this suite ran", 0.0))
        elif code != 0 and not any(result == FAIL for _, result, _, _ in found):
            word = f"killed after {seconds} s" if code == 137 else f"exit code {code}"
            found.append((suite + ".ended", FAIL, word + " without a failed test:\n" + tail, seconds))
        if key + ".json" in files:
            wrong = golden.compare(folder.name, files[key + ".json"])
            found.append(("Features.AreTheExpectedOnes", FAIL if wrong else PASS, wrong or "", 0.0))
        cases += [(prefix + name, result, message, took) for name, result, message, took in found]
    if state != "ok":
        console = folder / "console.log"
        lines = console.read_text(errors="replace").replace("\r", "").split("\n")[-40:] if console.exists() else []
        cases.append(("guest.reached_its_end", FAIL, state + "\n" + "\n".join(lines), 0.0))
    notes = dict(line.split(None, 1) for name, text in files.items() if name.endswith(".notes")
                 for line in text.split("\n") if " " in line)
    return cases, notes, cpu


def write_junit(path, kernel, cases, seconds):
    root = xml.Element("testsuite", name="vmtest." + kernel, tests=str(len(cases)), time=seconds,
                       failures=str(sum(case[1] == FAIL for case in cases)),
                       skipped=str(sum(case[1] == SKIP for case in cases)))
    for name, result, message, took in cases:
        case = xml.SubElement(root, "testcase", classname=f"{kernel}.{name.rpartition('.')[0]}",
                              name=name.rpartition(".")[2], time=f"{took:.3f}")
        if result == FAIL:
            xml.SubElement(case, "failure", message=clean(message.split("\n")[0])).text = clean(message)
        elif result == SKIP:
            xml.SubElement(case, "skipped", message=clean(message))
    xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def print_table(kernels, results, notes, cpu, seconds):
    """One row per group of tests (passed/all), one for each test that failed or was skipped somewhere, one per note, one
    per suite with its CPU seconds."""
    names = list(dict.fromkeys(name for kernel in kernels for name, *_ in results[kernel]))
    by_name = {kernel: {name: result for name, result, *_ in results[kernel]} for kernel in kernels}
    rows, groups = [], {}
    for name in names:
        groups.setdefault(name.rpartition(".")[0], []).append(name)
    for group, members in groups.items():
        cells = []
        for kernel in kernels:
            here = [by_name[kernel][name] for name in members if name in by_name[kernel]]
            cells.append(f"{here.count(PASS)}/{len(here)}" if here else "-")
        rows.append([group] + cells)
        for name in members:
            cells = [by_name[kernel].get(name, "-") for kernel in kernels]
            if any(cell in (FAIL, SKIP) for cell in cells):
                rows.append(["  " + name] + cells)
    for key in dict.fromkeys(key for kernel in kernels for key in notes[kernel]):
        rows.append([key] + [notes[kernel].get(key, "-") for kernel in kernels])
    for key in dict.fromkeys(key for kernel in kernels for key in cpu[kernel]):
        rows.append(["CPU s of " + key] + [f"{cpu[kernel][key]:.1f}" if key in cpu[kernel] else "-" for kernel in kernels])
    rows.append(["seconds"] + [seconds[kernel] for kernel in kernels])
    rows.insert(0, ["test"] + kernels)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(widths[i]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(row)).rstrip())


def main(folder, kernels):
    results, notes, cpu, seconds = {}, {}, {}, {}
    for kernel in kernels:
        results[kernel], notes[kernel], cpu[kernel] = cases_of(folder / kernel)
        cpu[kernel]["all"] = sum(map(float, (folder / kernel / "cpu").read_text().split()))
        seconds[kernel] = (folder / kernel / "seconds").read_text().strip()
        write_junit(folder / kernel / "junit.xml", kernel, results[kernel], seconds[kernel])
    print_table(kernels, results, notes, cpu, seconds)
    failures = {}
    for kernel in kernels:
        for name, result, message, _ in results[kernel]:
            if result == FAIL:
                failures.setdefault((name, clean(message).strip()), []).append(kernel)
    for (name, message), where in failures.items():
        print(f"\nFAIL {name} on {', '.join(where)}\n    " + message.replace("\n", "\n    "))
    failed = sum(map(len, failures.values()))
    ran = sum(len(cases) for cases in results.values())
    empty = [kernel for kernel in kernels if not results[kernel]]
    for kernel in empty:
        print(f"\nFAIL {kernel}: no test ran (does the filter match one?)")
    spent = sum(cpu[kernel]["all"] for kernel in kernels)
    print(f"\n{spent:.0f} s of CPU: {spent / 2:.0f} s of two cores")
    print(f"vmtest: {ran - failed} of {ran} passed or skipped, {failed} failed, {len(kernels)} kernels; JUnit: {folder}/*/junit.xml")
    return 1 if failed or empty else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
