// SPDX-License-Identifier: Apache-2.0
// The pin directory: ROOT/<abi hash>/{maps, progs/, links/}. ROOT belongs to one installation and carries its lock.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/fd.h"
#include "kernel/paths.h"

namespace shunt::kernel {

// The root that `paths` means: as given, or shunt/ on the first bpffs. `mount_missing` mounts one at /sys/fs/bpf where
// there is none. The directory itself need not exist.
base::Result<std::string> pin_root(const Paths& paths, bool mount_missing);

// Makes the directory (0700) where missing. Refuses what somebody else could have put there or can write to: a
// symbolic link, another owner, group or others' write permission, a file system other than bpffs.
base::Status make_pin_directory(const std::string& directory);
base::Status check_pin_directory(const std::string& directory);

// Exclusive, on the root directory itself, until the Fd is closed. An empty Fd: somebody else holds it.
base::Result<Fd> lock(const std::string& root);

// Is what lies at `path` what the descriptor was opened for?
bool is_same_file(const Fd& fd, const std::string& path);

// Sub-directories of the root: one per ABI hash.
base::Result<std::vector<std::string>> layouts(const std::string& root);
// Of several, the one whose connect hooks are attached: the others only answer for connections they know. Empty: there
// is none. Two with connect hooks, as a controller that takes one over for the other leaves them for a moment: an error
// with number ENOENT, for whoever reads again.
base::Result<std::string> layout_in_force(const std::string& root);
// Refuses a root that holds anything else, such as a whole bpffs: uninstall removes all that lies in a root.
base::Status check_only_layouts(const std::string& root);
// File names, sorted; none where there is no directory. One that cannot be read is an error: taken for empty, what is
// installed would be taken for absent.
base::Result<std::vector<std::string>> entries(const std::string& directory);

base::Status unpin(const std::string& path);  // missing is fine
base::Status remove_directory(const std::string& path);

}  // namespace shunt::kernel
