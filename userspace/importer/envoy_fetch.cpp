// SPDX-License-Identifier: Apache-2.0
#include "importer/envoy_fetch.h"

#include <httplib.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/text.h"

namespace shunt::importer {
namespace {

using Clock = std::chrono::steady_clock;

struct Url {
    std::string origin;  // http://127.0.0.1:15000
    std::string path;
};

std::optional<Url> split(const std::string& url) {
    const std::string scheme = "http://";
    if (!url.starts_with(scheme)) return std::nullopt;
    const auto slash = url.find_first_of("/?", scheme.size());
    Url out{url.substr(0, slash), slash == std::string::npos ? "" : url.substr(slash)};
    if (out.origin.size() == scheme.size() || out.path.starts_with('?')) return std::nullopt;
    for (const char c : url)
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return std::nullopt;
    if (out.path.empty() || out.path == "/") out.path = "/config_dump?include_eds";
    return out;
}

// Ends a request that takes too long, or that nobody waits for any more, from another thread.
class Watchdog {
public:
    Watchdog(httplib::Client& client, Clock::time_point deadline, const std::stop_token& stop)
        : thread_([this, &client, deadline, stop] {
              std::unique_lock lock(mutex_);
              if (woken_.wait_until(lock, stop, deadline, [&] { return done_; })) return;
              late = !stop.stop_requested();
              lock.unlock();
              client.stop();
          }) {}
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog() { finish(); }
    void finish() {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        woken_.notify_all();
        if (thread_.joinable()) thread_.join();
    }

    bool late = false;  // to be read after finish()

private:
    std::mutex mutex_;
    std::condition_variable_any woken_;
    bool done_ = false;
    std::thread thread_;
};

std::string why(httplib::Error error, const FetchLimits& limits) {
    if (error == httplib::Error::Connection) return "nobody listens there";
    if (error == httplib::Error::Read)
        return "it closed the connection early, or was silent for " + std::to_string(limits.silence.count()) + " ms";
    return httplib::to_string(error);
}

}  // namespace

bool is_url(const std::string& text) { return text.starts_with("http://") || text.starts_with("https://"); }

base::Status check_admin_url(const std::string& url) {
    if (split(url)) return {};
    return base::fail(base::quoted(url) + " is no address of an admin port; expected http://HOST:PORT");
}

base::Result<Spool> fetch_dump(const std::string& url, const FetchLimits& limits, const std::stop_token& stop) {
    const auto parts = split(url);
    if (!parts) return tl::unexpected<base::Error>(check_admin_url(url).error());
    auto spool = Spool::create();
    if (!spool) return spool;
    httplib::Client client(parts->origin);
    client.set_connection_timeout(limits.silence);
    client.set_read_timeout(limits.silence);
    client.set_write_timeout(limits.silence);
    client.set_decompress(false);  // the reader does that
    client.set_follow_location(false);
    base::Status written;
    int status = 0;
    Watchdog watchdog(client, Clock::now() + limits.total, stop);
    const auto result = client.Get(
        parts->path, {{"Accept-Encoding", "identity"}, {"Connection", "close"}},
        [&](const httplib::Response& response) {
            status = response.status;
            return status == 200;
        },
        [&](const char* bytes, std::size_t size) {
            written = spool->append(bytes, size);
            return written.has_value();
        });
    watchdog.finish();
    if (stop.stop_requested()) return base::fail(url + ": given up");
    if (watchdog.late)
        return base::fail(url + ": not all of it came within " + std::to_string(limits.total.count()) + " ms");
    if (!written) return base::fail(url + ": " + written.error().message);
    if (status != 0 && status != 200)
        return base::fail(url + ": answered HTTP " + std::to_string(status) + "; expected Envoy's admin port");
    if (!result) return base::fail(url + ": " + why(result.error(), limits));
    return spool;
}

}  // namespace shunt::importer
