// SPDX-License-Identifier: Apache-2.0
// Other people's programs on the same hooks, attached in every way the kernel has, above, beside and below ours: both
// go on working, and what a service load balancer has made of a destination is what its place says.
#include <linux/bpf.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <memory>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

constexpr std::uint32_t kVip = 0x0a60000a;      // 10.96.0.10
constexpr std::uint32_t kBackend = 0xcb007109;  // 203.0.113.9
constexpr const char* kVipText = "10.96.0.10:80";
constexpr const char* kBackendText = "203.0.113.9:80";

enum class Where { kAbove, kBeside, kBelow };
enum class When { kBeforeUs, kAfterUs };
enum class How { kMulti, kLink, kOverride, kAlone };

struct Neighbour {
    Where where;
    When when;
    How how;
};

std::string name_of(const testing::TestParamInfo<Neighbour>& info) {
    const char* where[] = {"Above", "Beside", "Below"};
    const char* when[] = {"BeforeUs", "AfterUs"};
    const char* how[] = {"Multi", "Link", "Override", "Alone"};
    return std::string(how[static_cast<int>(info.param.how)]) + where[static_cast<int>(info.param.where)] +
           when[static_cast<int>(info.param.when)];
}

// One foreign program on one hook of one cgroup.
class Foreign {
public:
    Foreign(const std::string& cgroup, bpf_prog_type type, bpf_attach_type hook, const std::vector<bpf_insn>& code,
            How how)
        : cgroup_(check(open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), cgroup)), hook_(hook), how_(how) {
        LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = hook);
        program_ = Fd(check(bpf_prog_load(type, "t_foreign", "GPL", code.data(), code.size(), &opts), "load"));
        if (how == How::kLink) {
            link_ = Fd(check(bpf_link_create(program_.get(), cgroup_.get(), hook, nullptr), "link"));
            return;
        }
        const std::uint32_t flags = how == How::kMulti      ? BPF_F_ALLOW_MULTI
                                    : how == How::kOverride ? BPF_F_ALLOW_OVERRIDE
                                                            : 0;
        check(bpf_prog_attach(program_.get(), cgroup_.get(), hook, flags), "attach to " + cgroup);
    }
    Foreign(const Foreign&) = delete;
    ~Foreign() {
        if (how_ != How::kLink) bpf_prog_detach2(program_.get(), cgroup_.get(), hook_);
    }

private:
    Fd program_, cgroup_, link_;
    bpf_attach_type hook_;
    How how_;
};

std::vector<bpf_insn> let_pass() {
    return {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
}

// A service load balancer in five instructions: connections to the VIP go to the backend.
std::vector<bpf_insn> balance() {
    constexpr auto kAddress = static_cast<std::int16_t>(offsetof(bpf_sock_addr, user_ip4));
    return {{BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, kAddress, 0},
            {BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, 2, static_cast<std::int32_t>(htonl(kVip))},
            {BPF_ALU | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, static_cast<std::int32_t>(htonl(kBackend))},
            {BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_3, kAddress, 0},
            {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1},
            {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
}

class LifecycleExclusive : public Lifecycle {};

class LifecycleNeighbours : public Lifecycle, public testing::WithParamInterface<Neighbour> {
protected:
    LifecycleNeighbours() { check(mkdir(inner_.c_str(), 0755), inner_); }
    ~LifecycleNeighbours() override { rmdir(inner_.c_str()); }

    std::string their_cgroup() const {
        switch (GetParam().where) {
            case Where::kAbove: return sandbox_.root_cgroup();
            case Where::kBeside: return sandbox_.app_cgroup();
            case Where::kBelow: return inner_;
        }
        return {};
    }
    void they_attach() {
        const auto add = [&](bpf_prog_type type, bpf_attach_type hook, const std::vector<bpf_insn>& code) {
            foreign_.push_back(std::make_unique<Foreign>(their_cgroup(), type, hook, code, GetParam().how));
        };
        add(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, balance());
        add(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_GETPEERNAME, let_pass());
        add(BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT, let_pass());
        add(BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, let_pass());
    }
    // Programs of the deepest cgroup run first, those of one cgroup in the order of their attaching.
    bool they_run_first() const {
        return GetParam().where == Where::kBelow ||
               (GetParam().where == Where::kBeside && GetParam().when == When::kBeforeUs);
    }

    const std::string inner_ = sandbox_.app_cgroup() + "/inner";
    const DirectServer server_{sandbox_, {80}};
    const ProbeProxy proxy_{sandbox_};
    std::vector<std::unique_ptr<Foreign>> foreign_;
};

TEST_P(LifecycleNeighbours, BothGoOn) {
    const auto app = in("app/inner");
    for (const auto* lane : {"auto", "record"}) {
        SCOPED_TRACE(lane);
        if (GetParam().when == When::kBeforeUs) they_attach();
        RunningShunt running(sandbox_, lifecycle_config(lane, "", "/mesh/app"));
        if (GetParam().when == When::kAfterUs) they_attach();
        const std::string told = they_run_first() ? kBackendText : kVipText;
        const auto outcome = dial(app, {.destination = kVipText});
        EXPECT_EQ(outcome.line.rfind("proxy " + told + " ", 0), 0u) << to_text(outcome);
        EXPECT_EQ(outcome.peer, told) << "getpeername()";
        expect_proxied(app, "203.0.113.77:80");
        // The proxy's own connection to the VIP is balanced: ours leaves it alone, theirs does not.
        if (GetParam().where == Where::kAbove) {
            const auto own = dial(sandbox_.proxy(), {.destination = kVipText});
            EXPECT_EQ(own.line.rfind(std::string("direct ") + kBackendText + " ", 0), 0u) << to_text(own);
        }
        EXPECT_EQ(running.counters().sum_of_reasons(), running.counters().runs) << "ours ran for each";
        running.uninstall();
        const auto theirs = dial(app, {.destination = kVipText});
        EXPECT_EQ(theirs.line.rfind(std::string("direct ") + kBackendText + " ", 0), 0u)
            << "theirs is still there: " << to_text(theirs);
        foreign_.clear();
    }
}

INSTANTIATE_TEST_SUITE_P(Hooks, LifecycleNeighbours,
                         testing::Values(Neighbour{Where::kAbove, When::kBeforeUs, How::kMulti},
                                         // Overridden by ours, as its flag allows, until ours goes.
                                         Neighbour{Where::kAbove, When::kBeforeUs, How::kOverride},
                                         Neighbour{Where::kAbove, When::kAfterUs, How::kLink},
                                         Neighbour{Where::kBeside, When::kBeforeUs, How::kMulti},
                                         Neighbour{Where::kBeside, When::kBeforeUs, How::kLink},
                                         Neighbour{Where::kBeside, When::kAfterUs, How::kMulti},
                                         Neighbour{Where::kBeside, When::kAfterUs, How::kLink},
                                         Neighbour{Where::kBelow, When::kAfterUs, How::kOverride},
                                         Neighbour{Where::kBelow, When::kAfterUs, How::kAlone},
                                         Neighbour{Where::kBelow, When::kAfterUs, How::kLink}),
                         name_of);

// An exclusive program above ours or beside it: the kernel lets nobody attach, and the error says who it is.
TEST_F(LifecycleExclusive, AboveUsOrBesideIsSaid) {
    struct Theirs {
        std::string cgroup;
        bpf_prog_type type;
        bpf_attach_type hook;
    };
    for (const auto& theirs :
         {Theirs{sandbox_.root_cgroup(), BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT},
          Theirs{sandbox_.app_cgroup(), BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT}}) {
        const Foreign foreign(theirs.cgroup, theirs.type, theirs.hook, let_pass(), How::kAlone);
        const auto ran = shunt({"run", "-c", write("config.yaml", lifecycle_config("auto", "", "/mesh/app"))});
        EXPECT_EQ(ran.code, 1) << to_text(ran);
        EXPECT_NE(ran.err.find("(t_foreign) attached to " + theirs.cgroup + " without BPF_F_ALLOW_MULTI"),
                  std::string::npos)
            << to_text(ran);
        EXPECT_FALSE(std::filesystem::exists(sandbox_.pin_dir()));
    }
}

}  // namespace
}  // namespace shunt::harness
