// SPDX-License-Identifier: Apache-2.0
// Any text as a configuration: it is refused with words that can be shown, or it is taken, and then what is written of
// it is taken too and means the same.
#include <string>

#include "config/loader.h"
#include "expect.h"
#include "importer/write_mesh.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
    using shunt::fuzz::expect;
    const std::string text(reinterpret_cast<const char*>(bytes), size);
    const auto loaded = shunt::config::load_text(text, "fuzz.yaml");
    if (!loaded) {
        expect(shunt::fuzz::can_be_shown(loaded.error().message), "an error that can be shown", loaded.error().message);
        return 0;
    }
    for (const auto& warning : loaded->warnings)
        expect(shunt::fuzz::can_be_shown(warning), "a warning that can be shown", warning);
    const std::string written = shunt::importer::write_yaml(loaded->mesh, {}, "");
    const auto again = shunt::config::load_text(written, "written.yaml");
    expect(again.has_value(), "what was written is taken", again ? "" : again.error().message + "\n" + written);
    const std::string twice = shunt::importer::write_yaml(again->mesh, {}, "");
    expect(twice == written, "what was written means the same", written + "\n---\n" + twice);
    return 0;
}
