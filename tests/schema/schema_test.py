#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/shunt.schema.json and the loader say the same: schema_test.py ROOT SHUNT.

Keys are compared in both directions with what the loader itself lists when it meets an unknown one; every good
configuration is valid, and every bad one whose errors are about its shape is not.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

ROOT, SHUNT = sys.argv[1:3]
NO_SUCH = "shuntNoSuchKey"
# Errors of the loader that speak of shape; all others are about values and references, which a schema cannot know.
SHAPE = re.compile(r"unknown key|: missing;|no value;|; expected a (map|list)|is unknown[ ;]|^neither |^no target|"
                   r"^besides |without weightedClusters|an empty list; expected at least|is not a truth value")

with open(f"{ROOT}/docs/shunt.schema.json", encoding="utf-8") as file:
    SCHEMA = json.load(file)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


class Yaml12(yaml.SafeLoader):
    """As editors read it: yes and no are words, 9000:9010 is no number in base 60."""
    yaml_implicit_resolvers = {}


for tag, pattern, first in (("bool", "true|false", "tf"), ("null", "null|~|", "n~"), ("float", r"-?[0-9]+\.[0-9]+", "-0123456789"),
                            ("int", "-?[0-9]+|0x[0-9a-fA-F]+", "-0123456789")):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^({pattern})$"), list(first) + [""] * (tag == "null"))


def load(path):
    """None where it is no YAML. Tabs as blanks between values are YAML, but nothing that PyYAML takes."""
    with open(path, "rb") as file:
        try:
            return yaml.load(file.read().decode("utf-8-sig").replace("\t", " "), Loader=Yaml12)
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
            return None


def resolve(node):
    while "$ref" in node:
        node = SCHEMA["definitions"][node["$ref"].rsplit("/", 1)[1]]
    return node


def sections(node, path=""):
    """Path -> properties of every map that the schema knows."""
    node = resolve(node)
    if "properties" in node:
        yield path, set(node["properties"])
        for key, child in node["properties"].items():
            yield from sections(child, f"{path}.{key}" if path else key)
    elif "items" in node:
        yield from sections(node["items"], path + "[0]")


def instance(node):
    """A document in which every map of the schema exists, with one key too many; of keys that exclude each other the last."""
    node = resolve(node)
    if "properties" in node:
        others = [choice["required"][0] for choice in node.get("oneOf", [])][:-1]
        kept = {key: instance(child) for key, child in node["properties"].items() if key not in others}
        return {**kept, NO_SUCH: "x"}
    if "items" in node:
        return [instance(node["items"])]
    return "x"


def complaints(document):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(document, file)
        file.flush()
        run = subprocess.run([SHUNT, "check", "-c", file.name], capture_output=True, text=True, check=False)
    assert run.returncode == 3, run.stderr
    return run.stderr


class Schema(unittest.TestCase):
    maxDiff = None

    def test_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)

    def test_keys_are_the_loaders(self):
        listed = {}
        for line in complaints(instance(SCHEMA)).splitlines():
            if match := re.search(rf": (\S*?)\.?{NO_SUCH}: unknown key[^;]*; expected (.*)", line):
                listed[match.group(1)] = set(re.split(r", | or ", match.group(2)))
        known = dict(sections(SCHEMA))
        self.assertGreater(len(known), 15)
        self.assertEqual(known, listed)

    def test_enumerations_are_the_loaders(self):
        listed, known = {}, {}

        def walk(node, path):
            node = resolve(node)
            if "enum" in node:
                known[path] = set(node["enum"])
            for key, child in node.get("properties", {}).items():
                walk(child, f"{path}.{key}" if path else key)
            if "items" in node:
                walk(node["items"], path + "[0]")

        walk(SCHEMA, "")
        for line in complaints(instance(SCHEMA)).splitlines():
            if match := re.search(r': (\S+): "x" is unknown[^;]*; expected (.*)', line):
                listed[match.group(1)] = set(re.split(r", | or ", match.group(2)))
        self.assertGreater(len(known), 8)
        self.assertEqual(known, listed)

    def test_good_files_are_valid(self):
        files = [path for pattern in ("tests/config/good/*.yaml", "tests/config/warn/*.yaml", "tests/truth/configs/*.yaml",
                                      "examples/*.yaml", "examples/*/shunt.yaml")
                 for path in glob.glob(f"{ROOT}/{pattern}")]
        self.assertGreater(len(files), 30)
        for path in files:
            with self.subTest(path):
                self.assertEqual([f"{list(e.path)}: {e.message}" for e in VALIDATOR.iter_errors(load(path))], [])

    def test_every_key_has_an_example_in_the_manual(self):
        def keys(node, path=""):
            if isinstance(node, dict):
                for key, child in node.items():
                    yield path, key
                    yield from keys(child, f"{path}.{key}" if path else key)
            elif isinstance(node, list):
                for child in node:
                    yield from keys(child, path + "[0]")

        with open(f"{ROOT}/docs/config.md", encoding="utf-8") as file:
            blocks = re.findall(r"^```yaml\n(.*?)^```", file.read(), re.S | re.M)
        shown = {pair for block in blocks for pair in keys(yaml.load(block, Loader=Yaml12))}
        # What a scope has in common with the whole configuration is shown there.
        known = {(path, key) for path, keys_of in sections(SCHEMA) for key in keys_of if not path.startswith("scopes[0].")}
        self.assertGreater(len(known), 50)
        self.assertEqual(known - shown, set())

    def test_bad_shapes_are_not(self):
        tried = 0
        for path in sorted(glob.glob(f"{ROOT}/tests/config/bad/*.yaml")):
            name = os.path.basename(path)[:-5]
            with open(f"{ROOT}/tests/golden/config/{name}.txt", encoding="utf-8") as file:
                errors = [line.split(": ", 2)[-1] for line in file]
            document = load(path)
            if document is None or not any(SHAPE.search(error) for error in errors):
                continue
            tried += 1
            with self.subTest(name):
                self.assertFalse(VALIDATOR.is_valid(document), errors)
        self.assertGreater(tried, 20)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
