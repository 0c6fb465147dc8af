// SPDX-License-Identifier: Apache-2.0
// Several scopes in one set of tables: entries that two scopes have in common exist once.
#pragma once

#include <map>
#include <set>
#include <string>

#include "policy/balancing.h"
#include "policy/tables.h"

namespace shunt::policy {

// One scope's settings and entries, all of them under set 0.
struct Parts {
    shunt_scope scope{};
    PortTable ports;
    Cidr4Table cidrs4;
    Cidr6Table cidrs6;
    OwnerTable owners;
};

// Gives each scope its sets, and writes the entries of those that are new. The base scope comes first and has set 0
// everywhere; a scope that differs gets a number made from its name, so that a change in one scope stays there.
class ScopeCompiler {
public:
    ScopeCompiler(const ListenerContext& context, Tables& tables);
    shunt_scope compile(const model::Scope* scope, Parts parts);
    void finish();  // after the last one: the tables can be looked at

private:
    // The set that holds this content already, or `fresh`, under which `write` enters it.
    template <class Write>
    std::uint32_t intern(std::map<std::string, std::uint32_t>& known, std::string content, std::uint32_t fresh,
                         Write write);
    template <class T>
    std::string content(const T& table) const;
    std::uint32_t listeners_of(const model::Scope* scope, std::uint32_t fresh);

    const ListenerContext& context_;
    Tables& tables_;
    Ids ids_;  // by scope
    std::map<std::string, std::uint32_t> ports_, cidrs_, owners_, listeners_;
    std::set<std::uint32_t> listening_;  // sets of listeners that are not empty
};

}  // namespace shunt::policy
