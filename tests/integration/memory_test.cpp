// SPDX-License-Identifier: Apache-2.0
// memory.max of cgroup v2: of the captured processes while they connect, and of the controller.
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "harness/address.h"
#include "harness/scale.h"
#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB;

std::string content(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_to(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    if (!file) throw std::runtime_error("cannot write " + text + " to " + path);
}

bool lists_memory(const std::string& path) { return (" " + content(path)).find(" memory") != std::string::npos; }

// memory.* of one cgroup. What was not set back is, in the end: nothing may hang in a limit.
class Limit {
public:
    explicit Limit(std::string cgroup) : cgroup_(std::move(cgroup)) {}
    Limit(const Limit&) = delete;
    ~Limit() { std::ofstream(cgroup_ + "/memory.max") << "max" << std::flush; }

    std::uint64_t used() const { return std::stoull(content(cgroup_ + "/memory.current")); }
    void leave(std::uint64_t bytes) const { write_to(cgroup_ + "/memory.max", std::to_string(used() + bytes)); }
    void lift() const { write_to(cgroup_ + "/memory.max", "max"); }
    std::uint64_t event(const std::string& name) const { return number("memory.events", name); }
    // Without what processes have of their own: what the kernel took for them.
    std::uint64_t of_the_kernel() const {
        const auto all = used(), own = number("memory.stat", "anon") + number("memory.stat", "file");
        return all > own ? all - own : 0;
    }

private:
    std::uint64_t number(const std::string& file, const std::string& name) const {
        std::istringstream text(content(cgroup_ + "/" + file));
        std::string word;
        for (std::uint64_t count = 0; text >> word >> count;)
            if (word == name) return count;
        return 0;
    }

    const std::string cgroup_;
};

enum class Stage { kWait, kConnect, kConnected, kCheck, kChecked };
constexpr int kMost = 3000;       // connections of one Hoarder
constexpr int kFailuresMost = 8;  // each writes the state of all processes to the kernel's log

// What a Hoarder and the test share: a message would need memory.
struct Board {
    std::atomic<Stage> stage{Stage::kWait};
    int held = 0, ok = 0, other = 0;
    int socket_errors[256]{}, connect_errors[256]{};
    char first_other[256]{};
};

// Connects and keeps what it has until sockets or connect() fail. The kernel may not end it, so that what it lacks is
// said by errno; it takes no memory of its own meanwhile.
class Hoarder {
public:
    Hoarder(const Placement& place, std::vector<SockAddr> destinations)
        : board_(new (mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Board),
          child_(place, [this, &destinations](int control) { live(control, destinations); }) {
        const auto said = receive_text(child_.control());
        if (said != "there") throw std::runtime_error("hoarder: " + said);
    }
    Hoarder(const Hoarder&) = delete;
    ~Hoarder() {
        child_.kill();
        munmap(board_, sizeof *board_);
    }

    // False where it does not get there; a limit must be lifted then.
    bool go(Stage to, Stage reached) const {
        board_->stage = to;
        for (int look = 0; look < 60'000 && board_->stage != reached; ++look) usleep(1'000);
        return board_->stage == reached;
    }
    const Board& board() const { return *board_; }
    std::string text() const {
        std::string line = "held " + std::to_string(board_->held) + ", told right " + std::to_string(board_->ok) +
                           ", otherwise " + std::to_string(board_->other) + " " + board_->first_other;
        for (int error = 0; error < 256; ++error) {
            for (const auto& [what, count] : {std::pair{"socket", board_->socket_errors[error]},
                                              std::pair{"connect", board_->connect_errors[error]}})
                if (count > 0) line += std::string(" ") + what + " " + error_name(error) + " " + std::to_string(count);
        }
        return line;
    }

private:
    void live(int control, const std::vector<SockAddr>& destinations) {
        write_to("/proc/self/oom_score_adj", "-1000");
        raise_open_files(kMost + 100);
        std::vector<int> fds(kMost, -1);
        std::vector<std::string> tokens;
        for (const auto& to : destinations) tokens.push_back(to_text(to) + "\n");
        check(mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall");
        send_text(control, "there");
        while (board_->stage != Stage::kConnect) usleep(1'000);
        for (int failures = 0; board_->held < kMost && failures < kFailuresMost;) {
            const auto& to = destinations[static_cast<std::size_t>(board_->held) % destinations.size()];
            const int fd = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
            const bool connected = fd >= 0 && connect(fd, to.get(), to.length) == 0;
            if (connected) {
                fds[static_cast<std::size_t>(board_->held++)] = fd;
                continue;
            }
            ++(fd < 0 ? board_->socket_errors : board_->connect_errors)[errno & 255];
            ++failures;
            if (fd >= 0) close(fd);
        }
        board_->stage = Stage::kConnected;
        while (board_->stage != Stage::kCheck) usleep(1'000);
        for (std::size_t i = 0; i < static_cast<std::size_t>(board_->held); ++i) {
            const auto& token = tokens[i % tokens.size()];
            const timeval timeout{60, 0};
            setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
            const auto peer = peer_text(fds[i]) + "\n";
            char answer[200] = "";
            if (send(fds[i], token.data(), token.size(), MSG_NOSIGNAL) < 0 ||
                recv(fds[i], answer, sizeof answer - 1, 0) < 0)
                std::strncpy(answer, strerror(errno), sizeof answer - 1);
            if (std::strcmp(answer, "ok\n") == 0 && peer == token) {
                ++board_->ok;
            } else if (board_->other++ == 0) {
                std::snprintf(board_->first_other, sizeof board_->first_other, "%s: %s", tokens[i].c_str(), answer);
            }
            close(fds[i]);
        }
        board_->stage = Stage::kChecked;
        receive_text(control);
    }

    Board* const board_;
    Child child_;
};

class Memory : public Lifecycle {
protected:
    void SetUp() override {
        const auto mount = cgroup2_mount();
        if (!lists_memory(mount + "/cgroup.controllers"))
            GTEST_SKIP() << "no memory controller in cgroup v2: " << mount << "/cgroup.controllers does not name it";
        if (!lists_memory(mount + "/cgroup.subtree_control")) {
            // For a whole machine that is not a test's to do; a guest of vmtest is the test's own.
            if (std::getenv("VM_GUEST") == nullptr)
                GTEST_SKIP() << "the memory controller is not enabled in " << mount << "/cgroup.subtree_control";
            write_to(mount + "/cgroup.subtree_control", "+memory");
            enabled_ = true;
        }
        write_to(sandbox_.root_cgroup() + "/cgroup.subtree_control", "+memory");
    }
    void TearDown() override {
        if (!enabled_) return;
        write_to(sandbox_.root_cgroup() + "/cgroup.subtree_control", "-memory");
        write_to(cgroup2_mount() + "/cgroup.subtree_control", "-memory");
    }

    static std::vector<std::string> destinations(Family family) {
        std::vector<std::string> list;
        for (int i = 1; i <= 50; ++i)
            list.push_back(family == Family::kV6 ? "[2001:db8:9::" + std::to_string(i) + "]:80"
                                                 : "203.0.113." + std::to_string(i) + ":80");
        return list;
    }
    static std::vector<SockAddr> addresses(Family family) {
        std::vector<SockAddr> list;
        for (const auto& text : destinations(family)) list.push_back(for_family(parse(text), family));
        return list;
    }
    // So many ranges of others, and 203.0.113.1, which passes the proxy from then on.
    static std::string with_ranges(int count, const std::string& lane = "auto") {
        std::string config =
            "proxy: { listen: [0.0.0.0:15001, \"[::]:15001\"], identity: { cgroup: /mesh/proxy }, lane: " + lane +
            " }\ncapture:\n  cgroups: [/mesh]\n  excludeOutboundIPRanges:\n  - 203.0.113.1/32\n";
        for (int i = 0; i < count; ++i)
            config += "  - 11." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
                      std::to_string(i & 255) + "/32\n";
        return config;
    }
    void expect_all_proxied(const std::string& when) const {
        Dialer dialer(sandbox_.app());
        for (const auto family : {Family::kV4, Family::kV6}) {
            const auto result = dialer.run({.destinations = destinations(family), .count = 50, .family = family});
            EXPECT_EQ(result.ok, 50u) << when << ": " << to_text(result);
        }
    }

    const DirectServer server_{sandbox_, {80}};
    const ProbeProxy proxy_{sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true}};
    bool enabled_ = false;
};

// What README.md promises for it, and nothing else.
void expect_promised(const int* errors, const std::string& what, const std::string& all) {
    for (int error = 0; error < 256; ++error) {
        if (error == ENOMEM || error == ENOBUFS || error == ENFILE) continue;
        EXPECT_EQ(errors[error], 0) << what << " " << error_name(error) << ": " << all;
    }
}

// The clients have no memory for one more socket: what they have got is with the proxy, the rest fails with an errno
// that is promised, and the controller's own work goes on, because its tables are not theirs.
TEST_F(Memory, ClientsAtTheirLimit) {
    RunningShunt running(sandbox_, lifecycle_config());
    expect_all_proxied("before");
    const Limit limit(sandbox_.app_cgroup());
    for (const auto& [lane, family] :
         {std::pair{"auto", Family::kV4}, std::pair{"auto", Family::kV6}, std::pair{"record", Family::kV4}}) {
        SCOPED_TRACE(std::string(lane) + (family == Family::kV6 ? " v6" : " v4"));
        running.reload(lifecycle_config(lane));
        const Hoarder hoarder(sandbox_.app(), addresses(family));
        const auto hits = limit.event("max");
        limit.leave(kMiB);
        const bool arrived = hoarder.go(Stage::kConnect, Stage::kConnected);
        const auto hit = limit.event("max") - hits;
        // Under the limit of the clients.
        if (arrived) running.reload(lifecycle_config(lane, "  excludeOutboundPorts: [81-90]\n"));
        limit.lift();
        ASSERT_TRUE(arrived) << hoarder.text();
        ASSERT_TRUE(hoarder.go(Stage::kCheck, Stage::kChecked)) << hoarder.text();
        const auto& board = hoarder.board();
        EXPECT_GT(hit, 0u) << "the limit was not hit: " << hoarder.text();
        EXPECT_GT(board.held, 0) << hoarder.text();
        EXPECT_LT(board.held, kMost) << "nothing failed: " << hoarder.text();
        EXPECT_EQ(board.ok, board.held) << "past the proxy, or told something else: " << hoarder.text();
        expect_promised(board.socket_errors, "socket()", hoarder.text());
        expect_promised(board.connect_errors, "connect()", hoarder.text());
        std::printf("%s v%d: %s\n", lane, family == Family::kV6 ? 6 : 4, hoarder.text().c_str());
        expect_all_proxied("without the limit");
    }

    // The kernel ends others in the cgroup, and the clients wait for what that frees.
    running.reload(lifecycle_config());
    Dialer v4(sandbox_.app()), v6(sandbox_.app());
    for (const auto* dialer : {&v4, &v6})
        write_to("/proc/" + std::to_string(dialer->pid()) + "/oom_score_adj", "-1000");
    const auto kills = limit.event("oom_kill");
    limit.leave(4 * kMiB);
    const auto count = scaled(3000, 200);
    v4.start({.destinations = destinations(Family::kV4), .count = count, .reset = true});
    v6.start({.destinations = destinations(Family::kV6), .count = count, .family = Family::kV6, .reset = true});
    for (int round = 0; round < 3; ++round) {
        const Child hog(sandbox_.app(), [](int) {
            write_to("/proc/self/oom_score_adj", "1000");
            for (int taken = 0; taken < 256; ++taken) {
                void* at = mmap(nullptr, kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (at != MAP_FAILED) std::memset(at, 1, kMiB);
            }
        });
        receive_text(hog.control());  // which ends with the process
    }
    const auto result4 = v4.wait(), result6 = v6.wait();
    limit.lift();
    EXPECT_GE(limit.event("oom_kill"), kills + 1);
    for (const auto* result : {&result4, &result6}) {
        EXPECT_GT(result->ok, 0u) << to_text(*result);
        EXPECT_EQ(result->wrong + result->missing + result->silent, 0u) << to_text(*result);
        for (const auto& [what, times] : result->errors)
            EXPECT_TRUE(what.ends_with(" ENOMEM") || what.ends_with(" ENOBUFS") || what.ends_with(" ENFILE"))
                << what << " " << times << ": " << to_text(*result);
    }
    expect_all_proxied("in the end");
}

// The controller has no memory for a larger configuration. Either that is an error and the old one stays in force, or
// the kernel ends the controller and the old one stays in force; with memory, the next start takes over.
TEST_F(Memory, TheControllerAtItsLimit) {
    const int ranges = static_cast<int>(scaled(50'000, 5'000));
    const ScratchCgroup own(cgroup2_mount() + "/" + sandbox_.name() + "-controller");
    const Limit limit(own.path());
    const auto small = lifecycle_config(), large = with_ranges(ranges);
    write("config.yaml", small);
    std::vector<std::string> line{"/bin/sh", "-c", "echo 0 >\"$0\"/cgroup.procs && exec \"$@\"", own.path()};
    for (const auto& word : words({"run", "-c", sandbox_.directory() + "/config.yaml"})) line.push_back(word);
    auto controller = std::make_unique<Process>(line);
    ASSERT_TRUE(controller->says("ready")) << controller->err();
    const auto ended = [&] {
        siginfo_t info{};
        return waitid(P_PID, static_cast<id_t>(controller->pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid != 0;
    };

    const auto generation = status().at("generation");
    write("config.yaml", large);
    limit.leave(128 * kKiB);
    const auto ran = shunt({"reload"});
    for (int look = 0; look < 5'000 && !ended() && limit.event("oom_kill") > 0; ++look) usleep(1'000);
    const bool gone = ended();
    std::printf("a larger configuration: %s, controller %s\n", to_text(ran).c_str(), gone ? "ended" : "runs");
    ASSERT_NE(ran.code, 0) << "the limit was not too small";
    expect_all_proxied("after a reload that failed");  // 203.0.113.1 too: the old configuration
    if (gone) {
        limit.lift();
        write("config.yaml", small);
        const auto end = controller->wait();
        EXPECT_EQ(end.code, 128 + SIGKILL) << to_text(end);
        controller = std::make_unique<Process>(line);
        ASSERT_TRUE(controller->says("ready")) << controller->err();
    } else {
        EXPECT_EQ(ran.code, 1) << to_text(ran);
        EXPECT_NE(ran.err.find("Cannot allocate memory"), std::string::npos) << to_text(ran);
        EXPECT_EQ(status().at("generation"), generation);
        limit.lift();
    }

    // With memory it is taken, and its tables are the controller's.
    const auto doctor = shunt({"doctor", "--no-probe", "-o", "json"});
    const bool charged = nlohmann::json::parse(doctor.out).at("features").at("memcgAccounting");
    const Limit clients(sandbox_.app_cgroup());
    const auto before = limit.of_the_kernel(), clients_before = clients.used();
    write("config.yaml", large);
    ASSERT_EQ(shunt({"reload"}).code, 0) << controller->err();
    const auto grown = static_cast<std::int64_t>(limit.of_the_kernel() - before);
    std::printf("tables of %d ranges: %ld KiB more in the controller's cgroup, charged: %s\n", ranges,
                static_cast<long>(grown / 1024), charged ? "yes" : "no");
    if (charged) {
        EXPECT_GT(grown, ranges * 32) << "the tables are not the controller's";
    }
    EXPECT_LE(clients.used(), clients_before + 64 * kKiB);
    const auto excluded = dial(sandbox_.app(), {.destination = "203.0.113.1:80"});
    EXPECT_EQ(excluded.line.rfind("direct ", 0), 0u) << to_text(excluded);
    write("config.yaml", small);
    ASSERT_EQ(shunt({"reload"}).code, 0) << controller->err();

    // The controller's cgroup is full, and a connection of the record lane needs entries of its tables: it gets them,
    // or is refused as for any failure inside, which is counted. The address lane needs nothing.
    const auto failures = [&] {
        const auto events = nlohmann::json::parse(shunt({"counters", "-o", "json"}).out).at("events");
        return events.value("fail_storage", std::uint64_t{0}) + events.value("fail_pending", std::uint64_t{0});
    };
    const auto failures_before = failures();
    limit.leave(0);
    Dialer v4(sandbox_.app()), v6(sandbox_.app());
    const auto count = scaled(2000, 300);
    const auto recorded =
        v6.run({.destinations = destinations(Family::kV6), .count = count, .family = Family::kV6, .hold = true});
    const auto addressed = v4.run({.destinations = destinations(Family::kV4), .count = count});
    limit.lift();
    std::printf("beside a full controller: record lane %s\n", to_text(recorded).c_str());
    EXPECT_EQ(addressed.ok, count) << to_text(addressed);
    EXPECT_EQ(recorded.wrong + recorded.missing + recorded.silent, 0u) << to_text(recorded);
    std::uint64_t refused = 0;
    for (const auto& [what, times] : recorded.errors) {
        EXPECT_EQ(what, "connect ECONNREFUSED") << times << ": " << to_text(recorded);
        refused += times;
    }
    EXPECT_EQ(refused, failures() - failures_before) << to_text(recorded);
    expect_all_proxied("in the end");
    shunt({"uninstall", "--drain", "0"});
}

}  // namespace
}  // namespace shunt::harness
