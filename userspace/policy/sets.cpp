// SPDX-License-Identifier: Apache-2.0
#include "policy/sets.h"

namespace shunt::policy {
namespace {

template <class K, class V>
std::string bytes(const Table<K, V>& table) {
    std::string text;
    text.reserve(table.size() * (sizeof(K) + sizeof(V)) + 1);
    for (const auto& [key, value] : table) {
        text.append(reinterpret_cast<const char*>(&key), sizeof(K));
        text.append(reinterpret_cast<const char*>(&value), sizeof(V));
    }
    return text;
}

template <class K, class V>
void enter(Table<K, V>& into, const Table<K, V>& from, std::uint32_t set) {
    for (const auto& [key, value] : from) {
        K own = key;
        own.set = set;
        into.append(own, value);
    }
}

}  // namespace

ScopeCompiler::ScopeCompiler(const ListenerContext& context, Tables& tables)
    : context_(context), tables_(tables), ids_(scope_ids(context.mesh)) {}

// Only where there are scopes to compare it with.
template <class T>
std::string ScopeCompiler::content(const T& table) const {
    return context_.mesh.scopes.empty() ? std::string() : bytes(table);
}

template <class Write>
std::uint32_t ScopeCompiler::intern(std::map<std::string, std::uint32_t>& known, std::string content,
                                    std::uint32_t fresh, Write write) {
    const auto [found, is_new] = known.try_emplace(std::move(content), fresh);
    if (is_new) write(fresh);
    return found->second;
}

std::uint32_t ScopeCompiler::listeners_of(const model::Scope* scope, std::uint32_t fresh) {
    const auto settings = model::settings_of(context_.mesh, scope);
    // A thousand scopes with the listeners of all: not compiled a thousand times.
    const bool own = scope == nullptr || scope->listeners || settings.egress_hosts != nullptr ||
                     settings.policy.empty_cluster != context_.mesh.policy.empty_cluster;
    if (!own) return 0;
    const auto table = compile_listeners(context_, scope, tables_.splits);
    return intern(listeners_, content(table), fresh, [&](auto set) {
        enter(tables_.listeners, table, set);
        if (!table.empty()) listening_.insert(set);
    });
}

void ScopeCompiler::finish() {
    const auto finish = [](auto&... tables) { (tables.finish(), ...); };
    finish(tables_.scopes, tables_.ports, tables_.cidrs4, tables_.cidrs6, tables_.owners, tables_.listeners,
           tables_.splits);
}

shunt_scope ScopeCompiler::compile(const model::Scope* scope, Parts parts) {
    const std::uint32_t fresh = scope == nullptr ? 0 : ids_.of(scope->name);
    auto& settings = parts.scope;
    settings.ports_set =
        intern(ports_, content(parts.ports), fresh, [&](auto set) { enter(tables_.ports, parts.ports, set); });
    settings.cidrs_set = intern(cidrs_, content(parts.cidrs4) + "/" + content(parts.cidrs6), fresh, [&](auto set) {
        enter(tables_.cidrs4, parts.cidrs4, set);
        enter(tables_.cidrs6, parts.cidrs6, set);
    });
    settings.owners_set =
        intern(owners_, content(parts.owners), fresh, [&](auto set) { enter(tables_.owners, parts.owners, set); });
    settings.listeners_set = listeners_of(scope, fresh);
    if (listening_.contains(settings.listeners_set)) settings.flags |= SHUNT_SCOPE_LISTENERS;
    return settings;
}

}  // namespace shunt::policy
