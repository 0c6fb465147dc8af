#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers every request with the address it was reached at and the peer it saw: server.py PORT."""
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def plain(address):
    """::ffff:198.51.100.10 is the IPv4 address in a dual-stack socket's clothes."""
    return address[7:] if address.startswith("::ffff:") else address


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        local, peer = self.connection.getsockname(), self.connection.getpeername()
        body = f"server {plain(local[0])} port {local[1]}: this connection came from {plain(peer[0])} port {peer[1]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


if __name__ == "__main__":
    Server(("::", int(sys.argv[1])), Handler).serve_forever()
