// SPDX-License-Identifier: Apache-2.0
// Any bytes as a config_dump: refused with words that can be shown, or what is made of them is a configuration that
// the loader takes.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "config/loader.h"
#include "expect.h"
#include "importer/envoy.h"
#include "importer/write_mesh.h"

using shunt::fuzz::expect;

namespace {

shunt::importer::ByteSource source_of(const unsigned char* bytes, std::size_t size) {
    const int descriptor = memfd_create("dump", MFD_CLOEXEC);
    expect(descriptor >= 0, "memfd_create", "");
    expect(pwrite(descriptor, bytes, size, 0) == static_cast<ssize_t>(size), "pwrite", "");
    auto source = shunt::importer::ByteSource::of_descriptor(descriptor, "dump");
    expect(source.has_value(), "a source of bytes", "");
    return std::move(*source);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
    auto source = source_of(bytes, size);
    auto envoy = shunt::importer::read_envoy(source, "dump");
    if (!envoy) {
        expect(shunt::fuzz::can_be_shown(envoy.error().message), "an error that can be shown", envoy.error().message);
        return 0;
    }
    for (const auto& remark : envoy->remarks)
        expect(shunt::fuzz::can_be_shown(remark.text), "a remark that can be shown", remark.text);
    const auto imported = shunt::importer::from_envoy(std::move(*envoy), "dump", {});
    if (!imported) return 0;  // no listener with use_original_dst
    const std::string written = shunt::importer::write_yaml(imported->mesh, imported->origins, "");
    const auto loaded = shunt::config::load_text(written, "written.yaml");
    expect(loaded.has_value(), "what was imported is taken", loaded ? "" : loaded.error().message + "\n" + written);
    return 0;
}
