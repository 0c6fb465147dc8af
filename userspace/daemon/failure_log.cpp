// SPDX-License-Identifier: Apache-2.0
#include "daemon/failure_log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/names.h"

namespace shunt::daemon {
namespace {

// What is a policy's doing, or an application's choice, is no failure and is only counted.
const std::map<shunt_reason, const char*> kReasons{
    {SHUNT_REASON_FORGED,
     "connections refused: a covered process dialled the proxy's port so that it would have been "
     "told a destination of that process's choice"},
    {SHUNT_REASON_LOOPING, "connections refused: the proxy dialled its own port"},
    {SHUNT_REASON_PROXY_DOWN_REFUSE,
     "connections refused: nothing listens on the proxy's port where they were made; "
     "'shunt doctor' says where that is"},
    {SHUNT_REASON_PROXY_DOWN_BYPASS,
     "connections let out without the proxy: nothing listens on its port where they "
     "were made, and whenDown is bypass"},
    {SHUNT_REASON_INTERNAL_REFUSE, "connections refused after an internal failure (onInternalError: refuse)"},
    {SHUNT_REASON_INTERNAL_BYPASS,
     "connections let out without the proxy after an internal failure (onInternalError: "
     "bypass)"},
    {SHUNT_REASON_NO_ENDPOINT_REFUSE, "connections refused: the cluster of a direct listener has no healthy endpoint"},
    {SHUNT_REASON_NO_ENDPOINT_BYPASS,
     "connections let out as dialled: the cluster of a direct listener has no healthy "
     "endpoint, and whenDown is bypass"},
};

const std::map<shunt_event, const char*> kEvents{
    {SHUNT_EVENT_ORIGDST_SELF, "the kernel would have told the proxy its own address as the original destination"},
    {SHUNT_EVENT_RECORD_HELD,
     "no memory for the records of accepted sockets, which stay where they are: memory for socket options is used up, "
     "or shunt's cgroup is at its memory limit"},
    {SHUNT_EVENT_BIND_REFUSED, "bind() refused: somebody but the proxy wanted the proxy's port"},
    {SHUNT_EVENT_FAIL_STATE, "programs found no settings"},
    {SHUNT_EVENT_FAIL_STORAGE,
     "no socket storage: memory for socket options is used up, or shunt's cgroup is at its memory limit"},
    {SHUNT_EVENT_FAIL_PENDING,
     "shunt_pending is full or without memory, and half of shunt_spare is used: more handshakes of the record lane "
     "than they hold"},
    {SHUNT_EVENT_FAIL_DICT, "shunt_dests is full: more destinations of bound sockets than it holds"},
    {SHUNT_EVENT_FAIL_BIND, "a source address could not be set or taken back"},
    {SHUNT_EVENT_FAIL_NETNS, "a socket's network namespace could not be told"},
    {SHUNT_EVENT_FAIL_ENDPOINT, "an endpoint that its cluster promises is missing"},
};

template <class Key>
std::uint64_t at(const std::map<Key, std::uint64_t>& counts, Key key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
}

}  // namespace

void FailureLog::look(Clock::time_point now) {
    const auto counters = read_();
    if (!counters) return;
    const bool first = causes_.empty();
    const auto judge = [&](std::string_view name, const char* words, std::uint64_t count) {
        auto& cause = causes_[std::string(name)];
        if (first || count < cause.told) cause = {count, count, std::nullopt};
        if (count == cause.told || (cause.line && now - *cause.line < kBetween)) return;
        spdlog::warn("{}: {} ({} times{})", name, words, count - cause.told,
                     cause.line ? fmt::format(", {} since the start", count - cause.since_start) : "");
        cause.told = count;
        cause.line = now;
    };
    for (const auto& [reason, words] : kReasons) judge(base::name(reason), words, at(counters->reasons, reason));
    for (const auto& [event, words] : kEvents) judge(base::name(event), words, at(counters->events, event));
}

}  // namespace shunt::daemon
