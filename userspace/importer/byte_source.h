// SPDX-License-Identifier: Apache-2.0
// A dump as a stream of bytes, so that no more than a buffer of it is ever in memory. gzip is seen by its first bytes.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <functional>
#include <istream>
#include <memory>
#include <string>

#include "base/result.h"

namespace shunt::importer {

// Regular files, or what a Spool was filled with.
class ByteSource {
public:
    static base::Result<ByteSource> open_file(const std::string& path);
    // Takes over `descriptor`, which is read from its beginning.
    static base::Result<ByteSource> of_descriptor(int descriptor, const std::string& name);

    // The next byte, or -1 at the end and after an error.
    int next() {
        if (at_ == end_ && !fill()) return -1;
        return static_cast<unsigned char>(buffer_[at_++]);
    }
    const std::string& error() const { return error_; }  // empty: none

private:
    ByteSource() = default;
    bool fill();

    struct Close {
        void operator()(gzFile_s* file) const { gzclose(file); }
    };
    std::unique_ptr<gzFile_s, Close> file_;
    std::unique_ptr<char[]> buffer_;
    std::size_t at_ = 0, end_ = 0;
    std::string error_;
};

// A file without a name on disk, which goes with the object.
class Spool {
public:
    static constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 30;  // a source that never ends must end

    static base::Result<Spool> create(std::uint64_t most_bytes = kMostBytes);
    Spool(const Spool&) = delete;
    Spool(Spool&& other) noexcept;
    Spool& operator=(const Spool&) = delete;
    Spool& operator=(Spool&&) = delete;
    ~Spool();

    base::Status append(const char* bytes, std::size_t size);
    std::uint64_t size() const { return size_; }
    std::uint64_t hash() const { return hash_; }  // of all bytes so far; equal bytes have equal hashes
    base::Result<ByteSource> read(const std::string& name) const;

private:
    Spool(int descriptor, std::uint64_t most_bytes) : descriptor_(descriptor), most_bytes_(most_bytes) {}
    int descriptor_;
    std::uint64_t most_bytes_;
    std::uint64_t size_ = 0;
    std::uint64_t hash_ = 0xcbf29ce484222325u;
};

base::Result<Spool> spool_stream(std::istream& in);

}  // namespace shunt::importer
