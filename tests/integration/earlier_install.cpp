// SPDX-License-Identifier: Apache-2.0
#include "earlier_install.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "harness/error.h"
#include "harness/fd.h"

namespace shunt::harness {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Object = std::unique_ptr<bpf_object, decltype(&bpf_object__close)>;

constexpr char kFolder[] = SHUNT_EARLIER_BUILD;
// enum shunt_feature of that build: all, then without what kernels before 6.1 lack (retval, cookie in sockops).
constexpr std::array<std::uint32_t, 2> kFeatures{15, 12};

int checked(int result, const std::string& what) {
    if (result < 0) throw std::runtime_error("earlier build: " + what + ": " + std::strerror(-result));
    return result;
}

Bytes bytes_of(const std::string& hex) {
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return bytes;
}

void make_directory(const std::string& path) { check(mkdir(path.c_str(), 0700), path); }

Object open_with_pins(const std::string& file, const std::string& pins) {
    Object object(bpf_object__open((std::string(kFolder) + "/" + file).c_str()), &bpf_object__close);
    if (!object) fail_errno("earlier build: open " + file);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object.get()) {
        if (bpf_map__is_internal(map)) continue;
        checked(bpf_map__set_pin_path(map, (pins + "/" + bpf_map__name(map)).c_str()), bpf_map__name(map));
    }
    return object;
}

// The constant by which a loader tells the programs what the kernel can.
void set_features(bpf_object* object, std::uint32_t features) {
    const btf* types = bpf_object__btf(object);
    const int section = btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC);
    const btf_type* type = btf__type_by_id(types, static_cast<std::uint32_t>(checked(section, ".rodata")));
    const btf_var_secinfo* variable = btf_var_secinfos(type);
    bpf_map* map = bpf_object__find_map_by_name(object, ".rodata");
    std::size_t size = 0;
    const auto* data = static_cast<const std::uint8_t*>(bpf_map__initial_value(map, &size));
    Bytes value(data, data + size);
    for (int i = 0; i < btf_vlen(type); ++i, ++variable) {
        const char* name = btf__name_by_offset(types, btf__type_by_id(types, variable->type)->name_off);
        if (std::strcmp(name, "shunt_features") == 0)
            std::memcpy(value.data() + variable->offset, &features, sizeof features);
    }
    checked(bpf_map__set_initial_value(map, value.data(), value.size()), "shunt_features");
}

Object load_programs(const std::string& pins) {
    int error = 0;
    for (const auto features : kFeatures) {
        auto object = open_with_pins("shunt.bpf.o", pins);
        set_features(object.get(), features);
        error = bpf_object__load(object.get());
        if (error == 0) return object;
    }
    checked(error, "load");
    throw std::logic_error("unreachable");
}

// 6.1 takes a map whose values have no type, or one that is no struct, for another shape than its template; which
// struct it is, it does not compare.
std::uint32_t type_of_size(const btf* types, std::uint32_t size) {
    for (std::uint32_t id = 1; id < btf__type_cnt(types); ++id) {
        const btf_type* type = btf__type_by_id(types, id);
        if (btf_is_struct(type) && type->size == size) return id;
    }
    throw std::runtime_error("no type of " + std::to_string(size) + " bytes");
}

// The lines of installation.txt: layout NAME; link PROGRAM; map NAME; inner OUTER KEY PIN TYPE KEY-SIZE VALUE-SIZE
// ENTRIES FLAGS; entry KEY VALUE of the map before it. Bytes are in hexadecimal.
class Installation {
public:
    Installation() {
        std::ifstream file(std::string(kFolder) + "/installation.txt");
        for (std::string line; std::getline(file, line);) {
            std::istringstream text(line);
            std::string first;
            text >> first;
            if (first == "layout") text >> layout;
            if (first == "link") text >> links.emplace_back();
            lines_.push_back(line);
        }
        if (layout.empty() || links.empty()) throw std::runtime_error(std::string(kFolder) + " holds no installation");
        // What decides comes last: connect hooks redirect to a proxy that can ask already.
        std::stable_partition(links.begin(), links.end(),
                              [](const auto& name) { return name.rfind("shunt_connect", 0) != 0; });
    }

    void fill(const bpf_object* object, const std::string& pins) const {
        Fd inner;
        int map = -1;
        for (const auto& line : lines_) {
            std::istringstream text(line);
            std::string first, name, key, value;
            text >> first;
            if (first == "map") {
                text >> name;
                map = checked(bpf_object__find_map_fd_by_name(object, name.c_str()), name);
            } else if (first == "inner") {
                std::string pin;
                std::uint32_t type = 0, key_size = 0, value_size = 0, entries = 0, flags = 0;
                text >> name >> key >> pin >> type >> key_size >> value_size >> entries >> flags;
                LIBBPF_OPTS(bpf_map_create_opts, options);
                options.map_flags = flags;
                const btf* types = bpf_object__btf(object);
                options.btf_fd = static_cast<std::uint32_t>(btf__fd(types));
                options.btf_key_type_id = type_of_size(types, key_size);
                options.btf_value_type_id = type_of_size(types, value_size);
                inner = Fd(checked(bpf_map_create(static_cast<bpf_map_type>(type), pin.substr(0, 15).c_str(), key_size,
                                                  value_size, entries, &options),
                                   pin));
                checked(bpf_obj_pin(inner.get(), (pins + "/" + pin).c_str()), pin);
                const int fd = map = inner.get();
                const int outer = checked(bpf_object__find_map_fd_by_name(object, name.c_str()), name);
                checked(bpf_map_update_elem(outer, bytes_of(key).data(), &fd, BPF_ANY), name);
            } else if (first == "entry") {
                text >> key >> value;
                checked(bpf_map_update_elem(map, bytes_of(key).data(), bytes_of(value).data(), BPF_ANY), line);
            }
        }
    }

    std::string layout;
    std::vector<std::string> links;

private:
    std::vector<std::string> lines_;
};

void pin_iterator(const bpf_object* object, const char* name, int over, const std::string& path) {
    bpf_iter_link_info map{};
    LIBBPF_OPTS(bpf_iter_attach_opts, options);
    if (over >= 0) {
        map.map.map_fd = static_cast<std::uint32_t>(over);
        options.link_info = &map;
        options.link_info_len = sizeof map;
    }
    const auto* program = bpf_object__find_program_by_name(object, name);
    bpf_link* link = program ? bpf_program__attach_iter(program, &options) : nullptr;
    if (link == nullptr) fail_errno("earlier build: " + path);
    checked(bpf_link__pin(link, path.c_str()), path);
    bpf_link__destroy(link);  // the pin holds it
}

}  // namespace

std::string install_earlier(const std::string& root, const std::string& cgroup) {
    const Installation was;
    const auto pins = root + "/" + was.layout;
    for (const auto& path : {root, pins, pins + "/progs", pins + "/links", pins + "/iter"}) make_directory(path);
    const auto object = load_programs(pins);
    was.fill(object.get(), pins);
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get())
        checked(bpf_program__pin(program, (pins + "/progs/" + bpf_program__name(program)).c_str()), "pin a program");
    const auto iterators = open_with_pins("shunt_iter.bpf.o", pins);
    checked(bpf_object__load(iterators.get()), "load the iterators");
    pin_iterator(iterators.get(), "shunt_iter_tcp", -1, pins + "/iter/connections");
    pin_iterator(iterators.get(), "shunt_iter_sk",
                 checked(bpf_object__find_map_fd_by_name(iterators.get(), "shunt_socks"), "shunt_socks"),
                 pins + "/iter/records");

    const Fd folder(check(open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), cgroup));
    struct stat info {};
    check(fstat(folder.get(), &info), cgroup);
    for (const auto& name : was.links) {
        const auto* attached = bpf_object__find_program_by_name(object.get(), name.c_str());
        bpf_link* link = attached ? bpf_program__attach_cgroup(attached, folder.get()) : nullptr;
        if (link == nullptr) fail_errno("earlier build: attach " + name);
        checked(bpf_link__pin(link, (pins + "/links/" + name + "_" + std::to_string(info.st_ino)).c_str()), name);
        bpf_link__destroy(link);
    }
    return was.layout;
}

}  // namespace shunt::harness
