// SPDX-License-Identifier: Apache-2.0
#include "daemon/control_client.h"

#include <httplib.h>

#include "daemon/control_server.h"

namespace shunt::daemon {
namespace {

using Json = nlohmann::ordered_json;
using base::ExitCode;

constexpr int kConnectSeconds = 5;
constexpr int kReloadSeconds = 300;  // a configuration of hundreds of thousands of entries takes its time

std::string why(httplib::Error error) {
    if (error == httplib::Error::Connection) return "nobody listens there, or it may not be opened";
    if (error == httplib::Error::Read) return "it closed the connection, or took too long";
    return httplib::to_string(error);
}

base::Result<Json> answer(const std::string& path, const httplib::Result& result) {
    const std::string object = "controller at " + path;
    if (!result) {
        return base::fail(
            object + ": not reachable (" + why(result.error()) + "); is 'shunt run' running, with this --run-dir?",
            ExitCode::kControllerUnreachable);
    }
    const Json body = Json::parse(result->body, nullptr, false);
    if (result->status == 200 && body.is_object()) return body;
    if (result->status == 422 && body.is_object() && body.contains("error")) {
        base::Error error;
        error.code = static_cast<ExitCode>(body.value("exitCode", static_cast<int>(ExitCode::kFailure)));
        error.message = body.value("error", "");
        error.detail = body.value("detail", "");
        return tl::unexpected<base::Error>(std::move(error));
    }
    return base::fail(object + ": unexpected answer, HTTP " + std::to_string(result->status));
}

httplib::Client client(const std::string& path) {
    httplib::Client client(path);
    client.set_address_family(AF_UNIX);
    client.set_connection_timeout(kConnectSeconds);
    client.set_default_headers({{"Host", "localhost"}});
    return client;
}

}  // namespace

base::Result<Json> request_reload(const std::string& run_dir) {
    const std::string path = control_socket(run_dir);
    httplib::Client http = client(path);
    http.set_read_timeout(kReloadSeconds);
    return answer(path, http.Post("/v1/reload"));
}

base::Result<Json> request_status(const std::string& run_dir) {
    const std::string path = control_socket(run_dir);
    httplib::Client http = client(path);
    http.set_read_timeout(kConnectSeconds);
    return answer(path, http.Get("/v1/status"));
}

}  // namespace shunt::daemon
