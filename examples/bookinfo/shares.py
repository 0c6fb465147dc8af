#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks for reviews so many times, a connection each, and compares who answered with 10/40/50: shares.py COUNT."""
import collections
import http.client
import json
import sys

COUNT = int(sys.argv[1])
SHARES = {"reviews-v1": 0.1, "reviews-v2": 0.4, "reviews-v3": 0.5}
LIMIT = 30  # chi-square with two degrees of freedom: one false alarm in three million runs

seen = collections.Counter()
for _ in range(COUNT):
    connection = http.client.HTTPConnection("198.51.100.6", 9080, timeout=5)
    connection.request("GET", "/", headers={"Host": "reviews:9080"})
    seen[json.load(connection.getresponse())["service"]] += 1
    connection.close()

for name in sorted(seen | SHARES):
    print(f"{name}  {seen[name]:5}  {100 * seen[name] / COUNT:5.1f} %")
chi_square = sum((seen[name] - share * COUNT) ** 2 / (share * COUNT) for name, share in SHARES.items())
print(f"chi-square {chi_square:.2f} (limit {LIMIT})")
sys.exit(not (set(seen) == set(SHARES) and chi_square < LIMIT))
