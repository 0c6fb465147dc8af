// SPDX-License-Identifier: Apache-2.0
// Broken copies of every input in tests/config: whatever the bytes, the answer is a configuration or lines of the
// promised form. The seed is fixed; SHUNT_MUTATIONS=N takes N copies instead of the default.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "config/loader.h"

namespace {

std::vector<std::string> inputs(const std::string& folder) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(SHUNT_TESTS_DIR "/config/" + folder))
        if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> texts;
    for (const auto& path : paths) {
        std::ostringstream text;
        text << std::ifstream(path, std::ios::binary).rdbuf();
        if (text.str().size() > 10) texts.push_back(text.str());
    }
    return texts;
}

std::string mutate(std::string text, const std::vector<std::string>& texts, std::mt19937& random) {
    static const std::string kBytes = "{}[]:,-#&*!|>'\"%@` \n\t?~<=\\0aZ9.\xff\x80\xc3";
    const auto below = [&](std::size_t limit) { return random() % std::max<std::size_t>(limit, 1); };
    for (std::size_t count = 1 + below(4); count > 0 && !text.empty(); --count) {
        const std::size_t at = below(text.size());
        switch (below(5)) {
            case 0: text[at] = kBytes[below(kBytes.size())]; break;
            case 1: text.insert(at, 1, kBytes[below(kBytes.size())]); break;
            case 2: text.erase(at, 1 + below(8)); break;
            case 3: text.insert(at, text.substr(below(text.size()), below(40))); break;
            default: {
                const std::string& other = texts[below(texts.size())];
                text = text.substr(0, at) + other.substr(below(other.size()));
            }
        }
    }
    return text;
}

TEST(ConfigMutation, AnswersInTheFormPromised) {
    const char* wanted = std::getenv("SHUNT_MUTATIONS");
    const int rounds = wanted ? std::atoi(wanted) : 20000;
    const auto good = inputs("good");
    auto texts = inputs("bad");
    ASSERT_GE(good.size(), 5u);
    texts.insert(texts.end(), good.begin(), good.end());
    ASSERT_GT(texts.size(), 60u);
    std::mt19937 random(15001);
    int accepted = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::string text =
            mutate(random() % 2 ? good[random() % good.size()] : texts[random() % texts.size()], texts, random);
        const auto loaded = shunt::config::load_text(text, "f");
        std::string message;
        if (loaded) {
            ++accepted;
            EXPECT_TRUE(loaded->mesh.proxy.listen_v4 || loaded->mesh.proxy.listen_v6) << text;
            EXPECT_FALSE(loaded->mesh.capture.cgroups.empty()) << text;
            for (const auto& warning : loaded->warnings) message += warning + "\n";
        } else {
            ASSERT_FALSE(loaded.error().message.empty()) << text;
            message = loaded.error().message;
        }
        std::istringstream lines(message);
        for (std::string line; std::getline(lines, line);) {
            ASSERT_TRUE(line.starts_with("f:")) << line << "\n" << text;
            ASSERT_NE(line.find("; expected "), std::string::npos) << line << "\n" << text;
        }
    }
    // Both answers occur, or the copies would be too broken, or not broken, to say anything.
    EXPECT_GT(accepted, rounds / 100);
    EXPECT_LT(accepted, rounds / 2);
}

}  // namespace
