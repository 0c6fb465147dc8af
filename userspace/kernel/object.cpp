// SPDX-License-Identifier: Apache-2.0
#include "kernel/object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>

#include <shunt.skel.h>

#include "kernel/fd.h"
#include "kernel/features.h"
#include "kernel/log_capture.h"

namespace shunt::kernel {
namespace {

struct InnerTypes {
    const char* key;
    const char* value;
};

// Which ABI structs a banked table's inner maps are made of; bpftool shows their fields by these names.
InnerTypes inner_types(const std::string& inner) {
    if (inner == "shunt_scopes") return {"shunt_scope_key", "shunt_scope"};
    if (inner == "shunt_ports") return {"shunt_port_key", "shunt_port_rule"};
    if (inner == "shunt_cidrs4") return {"shunt_cidr4_key", "shunt_cidr_rule"};
    if (inner == "shunt_cidrs6") return {"shunt_cidr6_key", "shunt_cidr_rule"};
    if (inner == "shunt_owners") return {"shunt_owner_key", "shunt_owner_rule"};
    if (inner == "shunt_splits") return {"shunt_split_key", "shunt_split"};
    if (inner == "shunt_clusters") return {"shunt_cluster_key", "shunt_cluster"};
    if (inner == "shunt_endpoints") return {"shunt_endpoint_key", "shunt_endpoint"};
    return {"unsigned int", "shunt_listener_slot"};  // an array: the kernel insists on a number
}

int find_type(const btf* types, const std::string& name) {
    return btf__find_by_name_kind(types, name.c_str(), name == "unsigned int" ? BTF_KIND_INT : BTF_KIND_STRUCT);
}

std::vector<bpf_map*> maps_by_name(bpf_object* object) {
    std::vector<bpf_map*> maps;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) maps.push_back(map);
    std::sort(maps.begin(), maps.end(),
              [](bpf_map* a, bpf_map* b) { return std::strcmp(bpf_map__name(a), bpf_map__name(b)) < 0; });
    return maps;
}

bool is_ours(const bpf_map* map) {
    return std::strncmp(bpf_map__name(map), "shunt_", 6) == 0 && !bpf_map__is_internal(map);
}

void append_text(void* text, const char* format, va_list arguments) {
    char buffer[1024];
    const int length = std::vsnprintf(buffer, sizeof buffer, format, arguments);
    if (length > 0) static_cast<std::string*>(text)->append(buffer, std::min<std::size_t>(length, sizeof buffer - 1));
}

// The C declarations of all key and value types, and each map's kind; two compilers give the same text.
std::string describe_layout(bpf_object* object) {
    std::string text;
    const btf* types = bpf_object__btf(object);
    btf_dump* dump = btf_dump__new(types, append_text, &text, nullptr);
    const auto describe = [&](const char* name) {
        const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
        if (id > 0) btf_dump__dump_type(dump, static_cast<__u32>(id));
    };
    for (const auto* map : maps_by_name(object)) {
        if (!is_ours(map)) continue;
        text += std::string(bpf_map__name(map)) + " " + std::to_string(bpf_map__type(map)) + " " +
                std::to_string(bpf_map__key_size(map)) + " " + std::to_string(bpf_map__value_size(map)) + "\n";
        btf_dump__dump_type(dump, bpf_map__btf_value_type_id(map));
        btf_dump__dump_type(dump, bpf_map__btf_key_type_id(map));
    }
    for (const auto& table : banked_tables()) {
        describe(inner_types(table.inner).key);
        describe(inner_types(table.inner).value);
    }
    describe("shunt_verdict_event");
    btf_dump__free(dump);
    return text;
}

std::string fnv1a(const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
    char buffer[17];
    std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(hash));
    return buffer;
}

}  // namespace

std::string abi_hash(bpf_object* object) { return fnv1a(describe_layout(object)); }

const std::vector<BankedTable>& banked_tables() {
    static const std::vector<BankedTable> tables{
        {"shunt_scopes_b", "shunt_scopes"},   {"shunt_ports_b", "shunt_ports"},
        {"shunt_cidrs4_b", "shunt_cidrs4"},   {"shunt_cidrs6_b", "shunt_cidrs6"},
        {"shunt_owners_b", "shunt_owners"},   {"shunt_listen_b", "shunt_listeners"},
        {"shunt_splits_b", "shunt_splits"},   {"shunt_cluster_b", "shunt_clusters"},
        {"shunt_endpnt_b", "shunt_endpoints"}};
    return tables;
}

struct InnerShape {
    bpf_map_type type;
    __u32 key_size, value_size, flags;
};

struct Object::Impl {
    shunt_bpf* skeleton = nullptr;
    std::map<std::string, InnerShape> shapes;  // by outer map; libbpf frees its inner maps while it loads
    Fd no_types;
    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { shunt_bpf__destroy(skeleton); }
};

namespace {

// A file of types that names none. libbpf reads the running kernel's for the few fields that are asked for by name, and
// without BTF it would load nothing at all; with this, those places stay unresolved, and they are dead code there
// (shunt_features).
base::Result<Fd> file_without_types() {
    const std::unique_ptr<btf, decltype(&btf__free)> none(btf__new_empty(), &btf__free);
    Fd file(memfd_create("shunt_no_types", MFD_CLOEXEC));
    __u32 size = 0;
    const void* bytes = none ? btf__raw_data(none.get(), &size) : nullptr;
    if (!file || !bytes || write(file.get(), bytes, size) != static_cast<ssize_t>(size))
        return tl::unexpected<base::Error>(base::errno_error("a file in place of the kernel's types", errno));
    return file;
}

// Kernel memory may not be read then, and what else the verifier refuses differs between kernels.
bool is_locked_down() {
    std::ifstream file("/sys/kernel/security/lockdown");
    std::string text;
    return std::getline(file, text) && text.find("[confidentiality]") != std::string::npos;
}

}  // namespace

Object::Object(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
    abi_hash_ = kernel::abi_hash(impl_->skeleton->obj);
}

Object::~Object() = default;

base::Result<std::unique_ptr<Object>> Object::open() {
    const LogCapture log;
    auto impl = std::make_unique<Impl>();
    LIBBPF_OPTS(bpf_object_open_opts, opts);
    std::string types;
    if (!has_btf()) {
        auto file = file_without_types();
        if (!file) return tl::unexpected<base::Error>(file.error());
        impl->no_types = std::move(*file);
        types = "/proc/self/fd/" + std::to_string(impl->no_types.get());
        opts.btf_custom_path = types.c_str();
    }
    impl->skeleton = shunt_bpf__open_opts(&opts);
    if (!impl->skeleton) {
        auto error = base::errno_error("open the BPF objects built into this binary", errno);
        error.detail = log.text();
        return tl::unexpected(error);
    }
    for (const auto& table : banked_tables()) {
        auto* outer = bpf_object__find_map_by_name(impl->skeleton->obj, table.outer.c_str());
        const auto* inner = outer ? bpf_map__inner_map(outer) : nullptr;
        if (!inner) return base::fail("map " + table.outer + " is not built in");
        impl->shapes[table.outer] = {bpf_map__type(inner), bpf_map__key_size(inner), bpf_map__value_size(inner),
                                     bpf_map__map_flags(inner)};
    }
    return std::unique_ptr<Object>(new Object(std::move(impl)));
}

base::Status Object::load(const std::string& directory, const Features& features) {
    const LogCapture log;
    impl_->skeleton->rodata->shunt_features = features.bits();
    const auto failed = [&](const std::string& what, int error_number) {
        auto error = base::errno_error(what, error_number);
        error.detail = log.text();
        return tl::unexpected(error);
    };
    for (auto* map : maps_by_name(impl_->skeleton->obj)) {
        if (!is_ours(map)) continue;
        const std::string path = directory + "/" + bpf_map__name(map);
        if (const int error = bpf_map__set_pin_path(map, path.c_str()))
            return failed(std::string("map ") + bpf_map__name(map) + ": pin path " + path, -error);
    }
    const int error = -shunt_bpf__load(impl_->skeleton);
    if (error == 0) return {};
    if (is_locked_down()) {
        auto refused = failed("load the BPF programs: this kernel is locked down (lockdown=confidentiality)", error);
        refused.value().code = base::ExitCode::kFeatureMissing;
        return refused;
    }
    if (error == EPERM)
        return failed(
            "load the BPF programs (before 5.11 maps count against RLIMIT_MEMLOCK, which only CAP_SYS_RESOURCE "
            "raises)",
            error);
    if (error != EACCES && error != E2BIG) return failed("load the BPF programs", error);
    // The verifier's words for no; privileges were asked for before, so it is the kernel that lacks something.
    auto refused = failed("load the BPF programs: this kernel's verifier refuses one (-v shows its log)", error);
    refused.value().code = base::ExitCode::kFeatureMissing;
    return refused;
}

base::Result<Program> Object::program(const std::string& name) const {
    const auto* program = bpf_object__find_program_by_name(impl_->skeleton->obj, name.c_str());
    if (!program) return base::fail("program " + name + " is not built in");
    return Program{name, bpf_program__fd(program), static_cast<int>(bpf_program__expected_attach_type(program))};
}

base::Result<RawMap> Object::map(const std::string& name) const {
    const int fd = bpf_object__find_map_fd_by_name(impl_->skeleton->obj, name.c_str());
    if (fd < 0) return base::fail("map " + name + " is not built in");
    return RawMap::from_fd(Fd(fcntl(fd, F_DUPFD_CLOEXEC, 3)));
}

base::Result<RawMap> Object::make_inner(const BankedTable& table, std::uint32_t max_entries) const {
    const auto& shape = impl_->shapes.at(table.outer);
    const btf* types = bpf_object__btf(impl_->skeleton->obj);
    const auto names = inner_types(table.inner);
    LIBBPF_OPTS(bpf_map_create_opts, opts);
    opts.map_flags = shape.flags;
    opts.btf_fd = static_cast<__u32>(btf__fd(types));
    opts.btf_key_type_id = static_cast<__u32>(find_type(types, names.key));
    opts.btf_value_type_id = static_cast<__u32>(find_type(types, names.value));
    Fd fd(bpf_map_create(shape.type, table.inner.c_str(), shape.key_size, shape.value_size, max_entries, &opts));
    if (!fd)
        return tl::unexpected(base::errno_error(
            "map " + table.inner + ": create with " + std::to_string(max_entries) + " entries", errno));
    return RawMap::from_fd(std::move(fd));
}

}  // namespace shunt::kernel
