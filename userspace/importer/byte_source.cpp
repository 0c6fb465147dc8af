// SPDX-License-Identifier: Apache-2.0
#include "importer/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace shunt::importer {
namespace {

constexpr std::size_t kBuffer = 1 << 17;

}  // namespace

base::Result<ByteSource> ByteSource::of_descriptor(int descriptor, const std::string& name) {
    gzFile file = gzdopen(descriptor, "rb");
    if (!file) {
        close(descriptor);
        return base::fail(name + ": out of memory");
    }
    gzbuffer(file, kBuffer);
    ByteSource source;
    source.file_.reset(file);
    source.buffer_ = std::make_unique<char[]>(kBuffer);
    return source;
}

base::Result<ByteSource> ByteSource::open_file(const std::string& path) {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    const int descriptor = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        base::Error error = base::errno_error(path, errno);
        error.code = base::ExitCode::kFailure;
        return tl::unexpected<base::Error>(std::move(error));
    }
    struct stat status {};
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) return of_descriptor(descriptor, path);
    close(descriptor);
    return base::fail(path + ": is no regular file; expected a config_dump, or - for stdin");
}

bool ByteSource::fill() {
    if (!error_.empty()) return false;
    const int count = gzread(file_.get(), buffer_.get(), kBuffer);
    if (count > 0) {
        at_ = 0;
        end_ = static_cast<std::size_t>(count);
        return true;
    }
    int number = 0;
    const char* const text = gzerror(file_.get(), &number);
    // The end of the file inside of a compressed stream.
    if (number == Z_BUF_ERROR)
        error_ = "gzip: the file ends early; expected the whole of it";
    else if (number == Z_ERRNO)
        error_ = std::string("cannot be read: ") + std::strerror(errno);
    else if (number != Z_OK && number != Z_STREAM_END)
        error_ = std::string("gzip: ") + text;
    return false;
}

base::Result<Spool> Spool::create(std::uint64_t most_bytes) {
    const char* const folder = std::getenv("TMPDIR");
    const std::string where = folder && *folder ? folder : "/tmp";
    int descriptor = open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0) {  // not every file system has files without a name
        std::string name = where + "/shunt-dump-XXXXXX";
        descriptor = mkostemp(name.data(), O_CLOEXEC);
        if (descriptor >= 0) unlink(name.c_str());
    }
    if (descriptor < 0) return tl::unexpected<base::Error>(base::errno_error(where, errno));
    return Spool(descriptor, most_bytes);
}

Spool::Spool(Spool&& other) noexcept
    : descriptor_(other.descriptor_), most_bytes_(other.most_bytes_), size_(other.size_), hash_(other.hash_) {
    other.descriptor_ = -1;
}

Spool::~Spool() {
    if (descriptor_ >= 0) close(descriptor_);
}

base::Status Spool::append(const char* bytes, std::size_t size) {
    // FNV-1a: a change of anything is seen, an attack is not what this is against.
    for (std::size_t i = 0; i < size; ++i) hash_ = (hash_ ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3u;
    size_ += size;
    if (size_ > most_bytes_)
        return base::fail("more than " + std::to_string(most_bytes_) + " bytes; expected a config_dump");
    while (size > 0) {
        const ssize_t count = write(descriptor_, bytes, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return tl::unexpected<base::Error>(base::errno_error("temporary file", errno));
        bytes += count;
        size -= static_cast<std::size_t>(count);
    }
    return {};
}

base::Result<ByteSource> Spool::read(const std::string& name) const {
    if (lseek(descriptor_, 0, SEEK_SET) < 0) return tl::unexpected<base::Error>(base::errno_error(name, errno));
    const int copy = fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return tl::unexpected<base::Error>(base::errno_error(name, errno));
    return ByteSource::of_descriptor(copy, name);
}

base::Result<Spool> spool_stream(std::istream& in) {
    auto spool = Spool::create();
    if (!spool) return spool;
    char buffer[1 << 16];
    while (in.read(buffer, sizeof buffer), in.gcount() > 0)
        if (auto written = spool->append(buffer, static_cast<std::size_t>(in.gcount())); !written)
            return tl::unexpected<base::Error>(written.error());
    return spool;
}

}  // namespace shunt::importer
