#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every lint rule must be able to fail: each is shown one tree that keeps it and one that breaks it."""
import os
import shutil
import tempfile
import unittest

import lint

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"

# rule: (file, text that breaks the rule, line of the breach, text that keeps it)
CASES = {
    "direction": [
        ("userspace/model/a.h", '#include "policy/tables.h"\n', 1, '#include "base/net.h"\n'),
        ("userspace/kernel/a.cpp", SPDX + '#include "model/mesh.h"\n', 2, '#include "base/result.h"\n'),
        ("userspace/unheard_of/a.h", '#include "base/net.h"\n', 1, ""),
    ],
    "libbpf": [
        ("userspace/sync/a.cpp", "#include <bpf/libbpf.h>\n", 1, '#include "kernel/map.h"\n'),
        ("userspace/cli/a.cpp", "#include <shunt.skel.h>\n", 1, "#include <linux/bpf.h>\n"),
    ],
    "decide": [("userspace/cli/a.cpp", '#include "bpf/lib/decide.h"\n', 1, '#include "policy/explain.h"\n')],
    "spdx": [
        ("scripts/a.sh", "#!/bin/bash\ntrue\n", 1, "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n"),
        ("cmake/CMakeLists.txt", "project(x)\n", 1, "# SPDX-License-Identifier: Apache-2.0\n"),
    ],
    "names": [
        ("bpf/maps.h", 'struct {\n} shunt_much_too_long SEC(".maps");\n', 2, 'struct {\n} shunt_ports SEC(".maps");\n'),
        ("bpf/maps.h", 'struct {\n} ports SEC(".maps");\n', 2, 'struct {\n} shunt_ports SEC(".maps");\n'),
        ("bpf/a.bpf.c", 'SEC("cgroup/connect4")\nint shunt_connect_v4(void *ctx)\n', 2,
         'SEC("cgroup/connect4")\nint shunt_connect4(void *ctx)\n'),
    ],
    "vmlinux": [("bpf/a.bpf.c", '#include "vmlinux.h"\n', 1, "#include <linux/bpf.h>\n")],
    "size": [("userspace/base/a.cpp", "\n" * 501, 501, "\n" * 500)],
    "leftovers": [("userspace/base/a.cpp", SPDX + "// TO" "DO later\n", 2, "// done\n")],
    "named_tests": [("docs/security.md", "| a | b | Nobody.Tests, Nobody.* |\n", 1, "| a | b | lint |\n")],
    "shellcheck": [("scripts/a.sh", "#!/bin/bash\nrm $1\n", 2, '#!/bin/bash\nrm "$1"\n')],
    "format": [("userspace/base/a.cpp", "int  f( );\n", 1, "int f();\n")],
}


class LintTest(unittest.TestCase):
    def test_every_rule_has_a_case(self):
        self.assertEqual(set(lint.RULES), set(CASES))

    def test_each_rule_fails_on_its_breach_only(self):
        for rule, cases in CASES.items():
            for name, bad, line, good in cases:
                with self.subTest(rule=rule, name=name), tempfile.TemporaryDirectory() as root:
                    shutil.copy(os.path.join(os.path.dirname(__file__), "../../.clang-format"), root)
                    path = os.path.join(root, name)
                    os.makedirs(os.path.dirname(path))
                    for text, expected in ((bad, [(name, line)]), (good, [])):
                        with open(path, "w", encoding="utf-8") as file:
                            file.write(text)
                        self.assertEqual(list(dict.fromkeys(breach[:2] for breach in lint.RULES[rule](root))), expected)


if __name__ == "__main__":
    unittest.main()
