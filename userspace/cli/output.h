// SPDX-License-Identifier: Apache-2.0
// Data on standard output: one value, printed as a table, as JSON or as YAML.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shunt::cli {

using Json = nlohmann::ordered_json;

enum class Format { kTable, kJson, kYaml, kCompact };  // compact: a line for each, made by the command
std::optional<Format> parse_format(std::string_view name);

// Objects become "key:  value" lines, arrays of objects become tables with a heading line, other arrays one line with
// commas. Nothing is cut to the terminal's width: a pipe must see what a terminal shows.
std::string render_table(const Json& value);
std::string render_json(const Json& value);
std::string render_yaml(const Json& value);

class Output {
public:
    virtual ~Output() = default;

    void set_format(Format format) { format_ = format; }
    Format format() const { return format_; }

    // The whole answer. `table` is printed instead where a table cannot show everything readably.
    void emit(const Json& value, const Json& table);
    void emit(const Json& value) { emit(value, value); }

    // One of many answers: a line of JSON, a YAML document, or a block of "key: value" lines.
    void record(const Json& value);

    void text(std::string_view bytes) { write(bytes); }

    virtual bool closed() const { return false; }  // nobody reads any more; stop producing
    // Would kWithoutWaiting bytes be taken at once? Waits so long for that. For streams that must notice other things
    // while a pipe is full.
    static constexpr std::size_t kWithoutWaiting = 4096;
    virtual bool ready(std::chrono::milliseconds) const { return true; }
    virtual base::Status finish() { return base::Status{}; }  // an error of writing, once all is written

protected:
    virtual void write(std::string_view bytes) = 0;

private:
    Format format_ = Format::kTable;
};

// Standard output. A reader that went away (EPIPE) is no error and makes no noise; a full disk is one.
class FileOutput final : public Output {
public:
    explicit FileOutput(int fd) : fd_(fd) {}
    bool closed() const override;
    bool ready(std::chrono::milliseconds wait) const override;
    base::Status finish() override;

protected:
    void write(std::string_view bytes) override;

private:
    int fd_;
    int error_ = 0;
};

// Keeps what was printed, for tests.
class CaptureOutput final : public Output {
public:
    std::string printed;

protected:
    void write(std::string_view bytes) override { printed.append(bytes); }
};

}  // namespace shunt::cli
