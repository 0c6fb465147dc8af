// SPDX-License-Identifier: Apache-2.0
#include "kernel/observer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <endian.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "kernel/fd.h"
#include "kernel/log_capture.h"
#include "kernel/map.h"

namespace shunt::kernel {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kLease = 3 * kSecond;
constexpr auto kRenewal = std::chrono::milliseconds(500);
// A program that saw an ended lease may still be about to write 0 over a new one; each ends within microseconds.
constexpr auto kSettle = std::chrono::milliseconds(10);

std::int64_t clock_ns(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return now.tv_sec * static_cast<std::int64_t>(kSecond) + now.tv_nsec;
}

std::uint64_t now_ns() { return static_cast<std::uint64_t>(clock_ns(CLOCK_MONOTONIC)); }

template <class T>
T load(T& field) {
    return std::atomic_ref<T>(field).load();
}
template <class T>
void store(T& field, T value) {
    std::atomic_ref<T>(field).store(value);
}

// The map's one value, shared with the programs.
class Mapping {
public:
    static base::Result<Mapping> open(const RawMap& map) {
        void* at = mmap(nullptr, sizeof(shunt_observe), PROT_READ | PROT_WRITE, MAP_SHARED, map.fd(), 0);
        if (at == MAP_FAILED) return tl::unexpected(base::errno_error("map " + map.info().name + ": mmap", errno));
        return Mapping(static_cast<shunt_observe*>(at));
    }
    Mapping(Mapping&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
    Mapping& operator=(Mapping&&) = delete;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() {
        if (at_) munmap(at_, sizeof(shunt_observe));
    }
    shunt_observe* operator->() const { return at_; }

private:
    explicit Mapping(shunt_observe* at) : at_(at) {}
    shunt_observe* at_;
};

struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity&) const = default;
};

std::optional<Identity> identity_of(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return std::nullopt;
    return Identity{info.st_dev, info.st_ino};
}

// Held while places are given and taken back; observers only, the controller locks the directory above.
base::Result<Fd> lock_places(const std::string& directory) {
    Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || flock(fd.get(), LOCK_EX) != 0) return tl::unexpected(base::errno_error("lock " + directory, errno));
    return fd;
}

struct RingCloser {
    void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

constexpr int kEnough = -ECANCELED;

using Visit = std::function<bool(const shunt_verdict_event&)>;

int deliver(void* context, void* data, std::size_t size) {
    if (size < sizeof(shunt_verdict_event)) return 0;
    return (*static_cast<Visit*>(context))(*static_cast<const shunt_verdict_event*>(data)) ? 0 : kEnough;
}

}  // namespace

struct Observer::Impl {
    std::string directory;
    std::optional<Identity> pin;
    RawMap rings;
    Mapping shared;
    std::uint64_t owner = 0;
    std::uint32_t place = SHUNT_OBSERVERS;  // none yet
    Visit visit;
    std::uint64_t read = 0;
    Fd ring_map;
    std::unique_ptr<ring_buffer, RingCloser> ring;
    std::mutex mutex;
    std::condition_variable ended;
    bool ending = false;
    std::atomic<bool> robbed{false};  // stopped for so long that somebody else got the place
    std::atomic<std::uint64_t> not_looking{0};
    std::thread renewer;

    Impl(std::string where, RawMap ring_array, Mapping mapping)
        : directory(std::move(where)),
          pin(identity_of(directory + "/shunt_observe")),
          rings(std::move(ring_array)),
          shared(std::move(mapping)) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { release(); }

    shunt_observer& mine() const { return shared->observers[place]; }
    base::Status make_ring(std::uint32_t bytes);
    base::Status take_place(const ObserverWish& wish);
    void renew();
    void keep_renewing();
    void release();
};

base::Status Observer::Impl::make_ring(std::uint32_t bytes) {
    const LogCapture log;
    ring_map = Fd(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "shunt_ring", 0, 0, bytes, nullptr));
    if (!ring_map) return tl::unexpected(base::errno_error("map shunt_ring: create", errno));
    ring.reset(ring_buffer__new(ring_map.get(), deliver, &visit, nullptr));
    if (!ring) return tl::unexpected(base::errno_error("map shunt_ring: read", errno));
    return {};
}

base::Status Observer::Impl::take_place(const ObserverWish& wish) {
    auto lock = lock_places(directory);
    if (!lock) return tl::unexpected(lock.error());
    std::uint32_t index = 0;
    while (index < SHUNT_OBSERVERS && load(shared->observers[index].until_ns) >= now_ns()) ++index;
    if (index == SHUNT_OBSERVERS)
        return base::fail("all " + std::to_string(SHUNT_OBSERVERS) +
                          " places are taken: so many 'shunt observe' run already");
    auto& observer = shared->observers[index];
    observer = {};
    observer.owner = owner = std::random_device()() | 1ull << 32;
    observer.reasons = wish.reasons;
    observer.sample = wish.sample;
    observer.per_second = wish.per_second;
    observer.port_be = htobe16(wish.port);
    const int fd = ring_map.get();
    if (auto put = rings.update(&index, &fd, "ring " + std::to_string(index)); !put) return put;
    place = index;
    store(observer.until_ns, __u64{now_ns()} + kLease);
    renew();
    std::this_thread::sleep_for(kSettle);
    renew();
    return {};
}

void Observer::Impl::renew() {
    if (load(mine().owner) != owner) {
        robbed = true;
        return;
    }
    const auto now = now_ns(), until = static_cast<std::uint64_t>(load(mine().until_ns));
    if (until < now) not_looking += now - until;
    store(mine().until_ns, __u64{now} + kLease);
    store(shared->until_ns, __u64{now} + kLease);
}

void Observer::Impl::keep_renewing() {
    std::unique_lock hold(mutex);
    while (!ended.wait_for(hold, kRenewal, [&] { return ending; })) renew();
}

void Observer::Impl::release() {
    if (renewer.joinable()) {
        {
            const std::scoped_lock hold(mutex);
            ending = true;
        }
        ended.notify_all();
        renewer.join();
    }
    if (place == SHUNT_OBSERVERS) return;
    // After an uninstall there is no directory to lock, and nobody left who could want the place.
    const auto lock = lock_places(directory);
    if (load(mine().owner) != owner) return;
    store(mine().until_ns, __u64{0});
    (void)rings.erase(&place, "ring");
    for (auto& other : shared->observers)
        if (load(other.until_ns) >= now_ns()) return;
    store(shared->until_ns, __u64{0});
}

Observer::Observer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Observer::~Observer() = default;

base::Result<std::unique_ptr<Observer>> Observer::start(const std::string& directory, const ObserverWish& wish) {
    auto map = Map<std::uint32_t, shunt_observe>::open_pinned(directory + "/shunt_observe");
    if (!map) return tl::unexpected(map.error());
    auto rings = RawMap::open_pinned(directory + "/shunt_rings");
    if (!rings) return tl::unexpected(rings.error());
    auto shared = Mapping::open(map->raw());
    if (!shared) return tl::unexpected(shared.error());
    auto impl = std::make_unique<Impl>(directory, std::move(*rings), std::move(*shared));
    if (auto made = impl->make_ring(wish.ring_bytes); !made) return tl::unexpected(made.error());
    if (auto taken = impl->take_place(wish); !taken) return tl::unexpected(taken.error());
    impl->renewer = std::thread([&self = *impl] { self.keep_renewing(); });
    return std::unique_ptr<Observer>(new Observer(std::move(impl)));
}

base::Status Observer::read(std::chrono::milliseconds wait, const Visit& visit) {
    if (impl_->robbed)
        return base::fail("this process was stopped for so long that its place was given to another observer");
    impl_->visit = [&](const shunt_verdict_event& event) {
        ++impl_->read;
        return visit(event);
    };
    const int got = ring_buffer__poll(impl_->ring.get(), static_cast<int>(wait.count()));
    if (got >= 0 || got == -EINTR || got == kEnough) return {};
    return tl::unexpected(base::errno_error("map shunt_ring: read", -got));
}

ObserverCounts Observer::counts() const {
    auto& mine = impl_->mine();
    ObserverCounts counts;
    counts.seen = load(mine.seen);
    counts.sampled_out = load(mine.sampled_out);
    counts.limited = load(mine.limited);
    counts.lost = load(mine.lost);
    counts.read = impl_->read;
    counts.not_looking = std::chrono::nanoseconds(impl_->not_looking.load());
    return counts;
}

bool Observer::installed() const { return identity_of(impl_->directory + "/shunt_observe") == impl_->pin; }

std::int64_t realtime_offset_ns() { return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC); }

}  // namespace shunt::kernel
