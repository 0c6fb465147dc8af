// SPDX-License-Identifier: Apache-2.0
#include "web.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <regex>
#include <thread>

#include "harness/error.h"
#include "harness/listen.h"

namespace shunt::peers {
namespace {

using namespace std::chrono_literals;

std::string endpoint(const std::string& address, const std::string& port) {
    return (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + port;
}

}  // namespace

WebServer::WebServer(const harness::Sandbox& sandbox, unsigned port)
    : child_(sandbox.server_side(), [port](int) {
          const auto number = std::to_string(port);
          execl("/usr/bin/python3", "python3", SHUNT_SOURCE_DIR "/examples/quickstart/server.py", number.c_str(),
                nullptr);
          harness::fail_errno("/usr/bin/python3");
      }) {
    for (int i = 0; i < 500; ++i) {
        if (harness::listens(child_.pid(), port)) return;
        std::this_thread::sleep_for(20ms);
    }
    throw std::runtime_error("the web server does not listen after 10 s");
}

std::vector<Fetched> fetch(const harness::Placement& place, const std::vector<std::string>& urls) {
    // --fail: a proxy's own error page must not read as an answer.
    std::vector<std::string> command{"curl",
                                     "-q",
                                     "-sS",
                                     "--fail",
                                     "--noproxy",
                                     "*",
                                     "--no-keepalive",
                                     "--max-time",
                                     "20",
                                     "-w",
                                     "client %{local_ip} %{local_port} peer %{remote_ip} %{remote_port}\\n"};
    command.insert(command.end(), urls.begin(), urls.end());
    const auto output = harness::run_command(place, command);
    static const std::regex pair("([^\\n]*)\\nclient (\\S+) (\\d+) peer (\\S+) (\\d+)\\n");
    static const std::regex server("server (\\S+) port (\\d+): this connection came from \\S+ port (\\d+)");
    std::vector<Fetched> result;
    for (std::sregex_iterator match(output.begin(), output.end(), pair), end; match != end; ++match) {
        Fetched one;
        one.body = (*match)[1];
        one.client_local = (*match)[2];
        one.client_port = (*match)[3];
        one.client_peer = endpoint((*match)[4], (*match)[5]);
        std::smatch answer;
        if (std::regex_match(one.body, answer, server)) {
            one.reached = endpoint(answer[1], answer[2]);
            one.server_peer_port = answer[3];
        }
        result.push_back(one);
    }
    return result;
}

}  // namespace shunt::peers
