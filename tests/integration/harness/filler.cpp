// SPDX-License-Identifier: Apache-2.0
#include "harness/filler.h"

#include "harness/error.h"

namespace shunt::harness {

Filler::Filler(const std::string& pin) : map_(check(bpf_obj_get(pin.c_str()), pin)) {
    __u32 size = sizeof info_;
    check(bpf_obj_get_info_by_fd(map_.get(), &info_, &size), pin);
}

std::uint32_t Filler::fill(std::uint32_t first, std::uint32_t count) const {
    const std::vector<char> values(std::size_t{count} * info_.value_size);
    const auto bytes = keys(first, count);
    std::uint32_t done = 0;
    for (int failures = 0; done < count;) {
        LIBBPF_OPTS(bpf_map_batch_opts, options);
        std::uint32_t some = count - done;
        const int result = bpf_map_update_batch(map_.get(), bytes.data() + std::size_t{done} * info_.key_size,
                                                values.data(), &some, &options);
        done += some;
        if (result == 0 || errno == E2BIG) break;
        // The kernel fetches memory for entries behind the caller's back, who may be faster.
        if (errno != ENOMEM || ++failures > 10'000) check(result, "bpf_map_update_batch");
    }
    return done;
}

void Filler::clear(std::uint32_t first, std::uint32_t count) const {
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    if (count > 0)
        check(bpf_map_delete_batch(map_.get(), keys(first, count).data(), &count, &options), "bpf_map_delete_batch");
}

std::vector<char> Filler::keys(std::uint32_t first, std::uint32_t count) const {
    std::vector<char> bytes(std::size_t{count} * info_.key_size);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t number = first + i;
        std::memcpy(bytes.data() + std::size_t{i + 1} * info_.key_size - sizeof number, &number, sizeof number);
    }
    return bytes;
}

}  // namespace shunt::harness
