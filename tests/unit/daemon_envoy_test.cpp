// SPDX-License-Identifier: Apache-2.0
// Following an admin port: only a whole dump that says something new is taken; the rest is counted.
#include <gtest/gtest.h>
#include <httplib.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

#include "daemon/envoy_follower.h"

namespace shunt::daemon {
namespace {

using namespace std::chrono_literals;

std::string dump(const std::string& version, int port = 15001) {
    return R"({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "version_info": ")" +
           version + R"(", "dynamic_listeners": [{"name": "virtualOutbound", "active_state": {"version_info": ")" +
           version + R"(", "listener": {"name": "virtualOutbound", "use_original_dst": true, "address": )" +
           R"({"socket_address": {"address": "0.0.0.0", "port_value": )" + std::to_string(port) + "}}}}}]}]}";
}

// Answers each poll with what is next in its list, and with the last one from then on.
class Admin {
public:
    Admin() {
        server_.Get("/config_dump", [this](const httplib::Request&, httplib::Response& response) {
            const std::lock_guard lock(mutex_);
            response.set_content(answers_.at(std::min(asked_++, answers_.size() - 1)), "application/json");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_.listen_after_bind(); });
    }
    ~Admin() {
        while (!server_.is_running()) std::this_thread::sleep_for(1ms);  // stop() before that would be forgotten
        server_.stop();
        thread_.join();
    }
    void answer(std::vector<std::string> answers) {
        const std::lock_guard lock(mutex_);
        answers_ = std::move(answers);
        asked_ = 0;
    }
    std::size_t asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    httplib::Server server_;
    int port_ = 0;
    std::thread thread_;
    std::mutex mutex_;
    std::vector<std::string> answers_;
    std::size_t asked_ = 0;
};

class FollowEnvoy : public testing::Test {
protected:
    ~FollowEnvoy() override { follower_.stop(); }

    // Once all of these were asked for, and the last one twice: what was taken meanwhile, by port.
    std::vector<int> taken_of(const std::vector<std::string>& answers) {
        {
            const std::lock_guard lock(mutex_);
            taken_.clear();
        }
        admin_.answer(answers);
        if (!started_) follower_.start();
        started_ = true;
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (admin_.asked() < answers.size() + 2 && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(1ms);
        EXPECT_GE(admin_.asked(), answers.size() + 2);
        const std::lock_guard lock(mutex_);
        return taken_;
    }

    Admin admin_;
    std::mutex mutex_;
    std::vector<int> taken_;
    int refusals_ = 0;  // of the next ones, by what puts them into force
    bool started_ = false;
    EnvoyFollower follower_{[this] {
                                return model::EnvoySource{admin_.url(), 1ms};
                            },
                            [this](importer::EnvoyConfig&& complete) -> base::Status {
                                const std::lock_guard lock(mutex_);
                                if (refusals_ > 0 && refusals_-- > 0) return base::fail("the kernel has no memory");
                                taken_.push_back(complete.listen_v4->port);
                                return {};
                            }};
};

TEST_F(FollowEnvoy, WhatIsNewIsTakenOnce) {
    EXPECT_EQ(taken_of({dump("1"), dump("1"), dump("2", 15006), dump("2", 15006), dump("1")}),
              (std::vector{15001, 15006, 15001}));
    EXPECT_EQ(follower_.status()["taken"], 3);
    EXPECT_NE(follower_.status()["versions"].dump().find("\"1\""), std::string::npos) << follower_.status();
    // The same content under another version_info is a new dump.
    EXPECT_EQ(taken_of({dump("7")}), std::vector{15001});
    EXPECT_NE(follower_.status()["versions"].dump().find("\"7\""), std::string::npos) << follower_.status();
    EXPECT_EQ(follower_.status()["failures"], 0);
}

TEST_F(FollowEnvoy, WhatIsNotAWholeDumpIsCountedAndNotTaken) {
    const auto whole = dump("1");
    EXPECT_EQ(taken_of({whole}), std::vector{15001});
    EXPECT_EQ(taken_of({"<html>", whole.substr(0, whole.size() / 2), R"({"configs": []})", "", whole}),
              std::vector<int>{});
    const auto status = follower_.status();
    EXPECT_EQ(status["failures"], 4) << status;
    EXPECT_EQ(status["lastError"], nullptr) << status;
    EXPECT_EQ(taken_of({R"({"configs": []})"}), std::vector<int>{});
    EXPECT_NE(follower_.status()["lastError"].dump().find("has not got its configuration yet"), std::string::npos);
    EXPECT_GE(follower_.status()["failures"], 6) << "counted each time";
}

TEST_F(FollowEnvoy, WhatCouldNotBePutIntoForceIsTriedAgain) {
    refusals_ = 2;
    EXPECT_EQ(taken_of({dump("1"), dump("1"), dump("1")}), std::vector{15001});
    EXPECT_EQ(follower_.status()["failures"], 2);
}

}  // namespace
}  // namespace shunt::daemon
