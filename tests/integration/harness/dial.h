// SPDX-License-Identifier: Apache-2.0
// One connection attempt as data, and what became of it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <string>

#include "harness/address.h"
#include "harness/child.h"

namespace shunt::harness {

struct Dial {
    std::string destination;  // "198.51.100.7:9080", "[2001:db8::7]:9080", "[::ffff:198.51.100.7]:9080"
    Family family = Family::kV4;
    int type = SOCK_STREAM;
    int protocol = 0;  // IPPROTO_MPTCP, ...
    std::uint32_t mark = 0;
    std::string source;       // bound before connect(); port 0: the address alone; empty: not bound
    std::string device;       // SO_BINDTODEVICE
    bool early_port = false;  // a source port of 0 becomes a port at bind(), as without IP_BIND_ADDRESS_NO_PORT
    bool freebind = false;
    bool v6only = false;
    bool nonblocking = false;      // connect(), then poll() and SO_ERROR
    bool say_destination = false;  // send it as one line, for ProbeOptions::verify
    int timeout_ms = 3000;
};

struct Outcome {
    int error = 0;      // errno of socket(), bind() or connect(); 0 where the connection stands
    std::string line;   // what the other end said, without the end of line
    std::string peer;   // the client's getpeername
    std::string local;  // the client's getsockname
};

std::string to_text(
    const Outcome& outcome);        // for failure messages: "ECONNREFUSED" or "'direct ...' peer ... local ..."
std::string error_name(int error);  // "ECONNREFUSED"; "0"

// In the calling process; for edge tests that play several steps on one socket. open_socket() gives -1 and errno.
int open_socket(const Dial& dial);
int connect_socket(int fd, const Dial& dial);       // 0 or errno, within the time allowed
Outcome talk(int fd, const Dial& dial, int error);  // reads the line; does not close

// In a fresh process in that place.
Outcome dial(const Placement& place, const Dial& dial);

// One process for each place, made when first needed, dials all there is to dial from it: for hundreds of connections,
// where a process for each of them would take most of the time of an emulated machine. To be gone before the sandbox.
class Callers {
public:
    Outcome dial(const Placement& place, const Dial& dial);

private:
    std::map<std::string, Child> children_;
};

}  // namespace shunt::harness
