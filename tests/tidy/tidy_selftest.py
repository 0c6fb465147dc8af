#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A planted finding must make tidy.py fail, in a source and in a header, and so must whatever it would not look at."""
import contextlib
import io
import json
import os
import shutil
import tempfile
import unittest

import tidy

PROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
CLEAN = '#include "base/thing.h"\nint half(int whole) { return whole / 2; }\n'
# A copy of a string where a reference would do, and a null pointer: one check, one of the analyzer's.
COPIED = "#include <string>\nunsigned long size(std::string text) { return text.size(); }\n"
NULL = "int read() {\n    int* nothing = nullptr;\n    return *nothing;\n}\n"


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="shunt-t-tidy-")
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(os.path.join(PROJECT, ".clang-tidy"), self.root)
        self.write("include/shunt/abi.h", "#pragma once\n")
        self.write("userspace/base/thing.h", '#pragma once\n#include "shunt/abi.h"\nint half(int whole);\n')
        self.write("userspace/base/thing.cpp", CLEAN)
        self.entries("userspace/base/thing.cpp")

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def entries(self, *names):
        flags = f"-I{self.root}/userspace -I{self.root}/include -std=c++20"
        self.write("build/compile_commands.json", json.dumps([
            {"directory": self.root, "file": os.path.join(self.root, name),
             "command": f"c++ {flags} -o {name}.o -c {os.path.join(self.root, name)}"} for name in names]))

    def run_tidy(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = tidy.main(self.root, os.path.join(self.root, "build"), "base")
        return code, out.getvalue()

    def expect_found(self, *words):
        code, out = self.run_tidy()
        self.assertEqual(code, 1, out)
        for word in words:
            self.assertIn(word, out)

    def test_a_clean_file_is_looked_at_once(self):
        code, out = self.run_tidy()
        self.assertEqual((code, "1 looked at" in out), (0, True), out)
        code, out = self.run_tidy()
        self.assertEqual((code, "0 looked at" in out), (0, True), out)

    def test_a_finding_fails_each_time_and_is_not_remembered_as_clean(self):
        self.assertEqual(self.run_tidy()[0], 0)
        self.write("userspace/base/thing.cpp", CLEAN + COPIED)
        self.expect_found("performance-unnecessary-value-param", "1 looked at")
        self.expect_found("performance-unnecessary-value-param", "1 looked at")

    def test_the_analyzer_runs(self):
        self.write("userspace/base/thing.cpp", CLEAN + NULL)
        self.expect_found("clang-analyzer-core.NullDereference")

    def test_a_finding_in_a_header_after_a_clean_run(self):
        self.assertEqual(self.run_tidy()[0], 0)
        self.write("userspace/base/thing.h", '#pragma once\n#include "shunt/abi.h"\n' + COPIED.replace("unsigned", "inline unsigned"))
        self.expect_found("thing.h:4", "performance-unnecessary-value-param")

    def test_a_finding_in_the_kernel_abi(self):
        self.write("include/shunt/abi.h", "#pragma once\n" + COPIED.replace("unsigned", "inline unsigned"))
        self.expect_found("abi.h:3", "performance-unnecessary-value-param")

    def test_other_checks_mean_another_look(self):
        self.assertEqual(self.run_tidy()[0], 0)
        self.write("userspace/base/.clang-tidy", "InheritParentConfig: true\nChecks: 'readability-magic-numbers'\n")
        self.write("userspace/base/thing.cpp", CLEAN.replace("2", "17"))
        self.expect_found("readability-magic-numbers")

    def test_a_source_that_is_not_built(self):
        self.write("userspace/base/forgotten.cpp", CLEAN)
        self.expect_found("forgotten.cpp: in no target")

    def test_a_header_that_nobody_includes(self):
        self.write("userspace/base/lonely.h", "#pragma once\n")
        self.expect_found("lonely.h: no source includes it")

    def test_a_source_that_does_not_compile(self):
        self.write("userspace/base/thing.cpp", '#include "base/missing.h"\n')
        self.expect_found("'base/missing.h' file not found")


if __name__ == "__main__":
    unittest.main()
