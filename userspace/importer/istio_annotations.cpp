// SPDX-License-Identifier: Apache-2.0
#include "importer/istio_annotations.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "config/document.h"
#include "config/source.h"

namespace shunt::importer {
namespace {

using config::Node;
using config::Problems;
using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "traffic.sidecar.istio.io/";
constexpr std::string_view kDefault = "Istio's default";
constexpr int kMostLevels = 500;  // as of YAML; what is built from it is walked by recursion

// JSON has no places. Kept apart from YAML because its escapes (\/, surrogates) are not all YAML's.
Node from_json(const Json& value) {
    Node node;
    if (value.is_object()) {
        node.kind = Node::Kind::kMap;
        for (const auto& [key, item] : value.items()) {
            Node name;
            name.kind = Node::Kind::kScalar;
            name.text = key;
            node.entries.push_back({std::move(name), from_json(item)});
        }
    } else if (value.is_array()) {
        node.kind = Node::Kind::kList;
        for (const auto& item : value) node.items.push_back(from_json(item));
    } else if (!value.is_null()) {
        node.kind = Node::Kind::kScalar;
        node.text = value.is_string() ? value.get<std::string>() : value.dump();
    }
    return node;
}

const Node* child(const Node* node, std::string_view key) {
    if (!node || node->kind != Node::Kind::kMap) return nullptr;
    for (const auto& entry : node->entries)
        if (entry.key.text == key) return &entry.value;
    return nullptr;
}

template <class... Keys>
const Node* descend(const Node* node, Keys... keys) {
    ((node = child(node, keys)), ...);
    return node;
}

std::string text_of(const Node* node) { return node && node->kind == Node::Kind::kScalar ? node->text : ""; }

// What has metadata and spec: the pod itself, or the template of a workload.
const Node* find_pod(const Node& root) {
    if (const Node* pod = descend(&root, "spec", "jobTemplate", "spec", "template")) return pod;
    if (const Node* pod = descend(&root, "spec", "template")) return pod;
    return child(&root, "metadata") ? &root : nullptr;
}

class PodReader {
public:
    PodReader(Problems& problems, PodSettings& out) : problems_(problems), out_(out) {}

    void read(const Node& root) {
        const Node* top = &root;
        if (const Node* items = child(top, "items"); items && items->kind == Node::Kind::kList) {
            if (items->items.size() != 1)
                return problems_.error(place(*items, "items"),
                                       std::to_string(items->items.size()) + " objects; expected one pod or workload");
            top = &items->items.front();
        }
        const Node* pod = find_pod(*top);
        if (!pod) return problems_.error(place(root, "document"), "no metadata; expected a pod or a workload");
        defaults();
        container(*pod);
        annotations(*pod);
        addresses(*top);
    }

private:
    static model::Place place(const Node& node, const std::string& path) { return {node.line, node.column, path}; }

    void give(std::string_view name, std::string value, std::string_view origin) {
        out_.settings.give(*find_setting(name), {std::move(value), std::string(origin)});
    }

    void defaults() {
        give("envoy-port", "15001", kDefault);
        give("proxy-uid", "1337", kDefault);
        give("proxy-gid", "1337", kDefault);
        give("istio-service-cidr", "*", kDefault);
    }

    // OpenShift and hardened meshes run the proxy as another user.
    void container(const Node& pod) {
        for (const char* list : {"containers", "initContainers"}) {
            const Node* containers = descend(&pod, "spec", list);
            if (!containers) continue;
            for (const auto& item : containers->items) {
                if (text_of(child(&item, "name")) != "istio-proxy") continue;
                for (const auto& [key, name] : {std::pair{"runAsUser", "proxy-uid"}, {"runAsGroup", "proxy-gid"}})
                    if (const auto id = text_of(descend(&item, "securityContext", key)); !id.empty())
                        give(name, id, std::string("istio-proxy's ") + key);
            }
        }
    }

    void annotations(const Node& pod) {
        const Node* list = descend(&pod, "metadata", "annotations");
        bool known = false;
        if (list && list->kind == Node::Kind::kMap) {
            for (const auto& entry : list->entries) known = annotation(entry.key.text, entry.value) || known;
        }
        for (const char* where : {"annotations", "labels"})
            if (text_of(descend(&pod, "metadata", where, "sidecar.istio.io/inject")) == "false")
                out_.remarks.push_back({true,
                                        "sidecar.istio.io/inject: false: Istio captures nothing of this pod, the "
                                        "configuration made here does"});
        if (!known) out_.remarks.push_back({false, "no annotation of Istio's on traffic: these are its defaults"});
    }

    // True where it is one of those that matter.
    bool annotation(const std::string& name, const Node& value) {
        if (name == "proxy.istio.io/config") return proxy_config(name, value);
        const IstioSetting* setting = find_annotation(name);
        if (!setting) {
            if (name.starts_with(kPrefix)) unknown(name, value);
            return false;
        }
        if (value.kind == Node::Kind::kScalar || value.kind == Node::Kind::kNull)
            out_.settings.give(*setting, {value.text, name});
        else
            problems_.error(place(value, config::child_path("metadata.annotations", name)),
                            "a list or a map; expected text, as every annotation");
        return true;
    }

    void unknown(const std::string& name, const Node& value) {
        std::vector<std::string_view> names;
        for (const auto& setting : istio_settings())
            if (setting.annotation.starts_with(kPrefix)) names.push_back(setting.annotation);
        problems_.error(place(value, config::child_path("metadata.annotations", name)),
                        "unknown annotation" + base::did_you_mean(name, names) + "; expected one that Istio has");
    }

    // proxyMetadata becomes the environment of istio-iptables; variables of others mean nothing here.
    bool proxy_config(const std::string& name, const Node& value) {
        Problems inner(name);
        const auto root = config::parse_document(value.text, inner);
        if (!root || inner.has_errors()) {
            problems_.error(place(value, config::child_path("metadata.annotations", name)),
                            "its text is not YAML; expected a ProxyConfig");
            return true;
        }
        if (const auto mode = text_of(child(&*root, "interceptionMode")); !mode.empty())
            give("istio-inbound-interception-mode", mode, "proxy.istio.io/config interceptionMode");
        const Node* metadata = child(&*root, "proxyMetadata");
        if (!metadata || metadata->kind != Node::Kind::kMap) return true;
        for (const auto& entry : metadata->entries) {
            const IstioSetting* setting = find_environment(entry.key.text);
            if (!setting || entry.value.kind != Node::Kind::kScalar) continue;
            const auto truth = parse_go_bool(entry.value.text);
            if (setting->boolean && !truth) continue;
            out_.settings.give(*setting, {setting->boolean ? (*truth ? "true" : "false") : entry.value.text,
                                          "proxyMetadata " + entry.key.text});
        }
        return true;
    }

    void addresses(const Node& top) {
        const Node* list = descend(&top, "status", "podIPs");
        if (!list || list->items.empty()) return;
        const auto is_v6 = [](const Node& item) { return text_of(child(&item, "ip")).find(':') != std::string::npos; };
        if (std::all_of(list->items.begin(), list->items.end(), is_v6)) out_.family = PodFamily::kV6Only;
    }

    Problems& problems_;
    PodSettings& out_;
};

std::optional<Node> parse(std::string_view text, Problems& problems) {
    config::check_source(text, problems);
    if (problems.has_errors()) return std::nullopt;
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || text[first] != '{')
        return config::parse_document(std::string(text), problems);
    bool deep = false;
    const auto limit = [&](int depth, Json::parse_event_t, Json&) { return !(deep = deep || depth > kMostLevels); };
    try {
        const Json value = Json::parse(text, limit);
        if (!deep) return from_json(value);
        problems.error({}, "JSON: nested too deeply; expected at most 500 levels");
    } catch (const Json::exception& error) {
        problems.error({}, std::string("JSON: ") + error.what() + "; expected a whole JSON object");
    }
    return std::nullopt;
}

}  // namespace

base::Result<PodSettings> read_pod(const std::string& text, const std::string& file) {
    Problems problems(file);
    PodSettings out;
    if (const auto root = parse(config::without_bom(text), problems); root && !problems.has_errors())
        PodReader(problems, out).read(*root);
    if (!problems.has_errors()) return out;
    std::string message;
    for (const auto& line : problems.errors()) message += (message.empty() ? "" : "\n") + line;
    return base::fail(std::move(message), base::ExitCode::kConfigInvalid);
}

}  // namespace shunt::importer
