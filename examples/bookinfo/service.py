#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One service of bookinfo: service.py NAME ADDRESS. Port 9080; `outside`, which is no part of the mesh, has 8080."""
import json
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME, ADDRESS = sys.argv[1:3]
PORT = 8080 if NAME == "outside" else 9080
# Addresses of services that no machine has: only the mesh knows what is behind them.
DETAILS, REVIEWS = "http://198.51.100.8:9080/", "http://198.51.100.6:9080/"
RATINGS = "http://192.0.2.12:9080/"  # reviews run without a sidecar here, so they name the machine


def get(url, host):
    request = urllib.request.Request(url, headers={"Host": host})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as response:
        return json.load(response)


def answer():
    if NAME == "productpage":
        return {"service": NAME, "details": get(DETAILS, "details:9080"), "reviews": get(REVIEWS, "reviews:9080")}
    if NAME in ("reviews-v2", "reviews-v3"):
        return {"service": NAME, "stars": get(RATINGS, "ratings:9080")["stars"]}
    if NAME == "ratings":
        return {"service": NAME, "stars": 5}
    return {"service": NAME}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(answer()).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer((ADDRESS, PORT), Handler).serve_forever()
