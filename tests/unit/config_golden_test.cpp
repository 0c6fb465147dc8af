// SPDX-License-Identifier: Apache-2.0
// Every file of tests/config/bad and tests/config/warn against the whole expected output, tests/golden/config/NAME.txt.
// SHUNT_UPDATE_GOLDEN=1 writes the expected output instead; read the difference before you commit it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/loader.h"

namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
}

std::vector<std::string> cases(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(fs::path(SHUNT_TESTS_DIR) / "config" / folder)) {
        if (entry.path().extension() == ".yaml") names.push_back(folder + "/" + entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> all_cases() {
    auto names = cases("bad");
    for (auto& name : cases("warn")) names.push_back(name);
    return names;
}

class ConfigGolden : public testing::TestWithParam<std::string> {};

TEST_P(ConfigGolden, WholeOutput) {
    const fs::path input = fs::path(SHUNT_TESTS_DIR) / "config" / (GetParam() + ".yaml");
    const fs::path expected = fs::path(SHUNT_TESTS_DIR) / "golden/config" / (input.stem().string() + ".txt");
    const std::string text = slurp(input);
    ASSERT_FALSE(text.empty() && input.stem() != "empty_file");
    const auto loaded = shunt::config::load_text(text, input.filename().string());
    std::string output;
    if (GetParam().starts_with("bad/")) {
        ASSERT_FALSE(loaded.has_value()) << "was accepted";
        EXPECT_EQ(loaded.error().code, shunt::base::ExitCode::kConfigInvalid);
        output = loaded.error().message + "\n";
    } else {
        ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
        ASSERT_FALSE(loaded->warnings.empty()) << "no warning";
        for (const auto& line : loaded->warnings) output += line + "\n";
    }
    if (const char* update = std::getenv("SHUNT_UPDATE_GOLDEN"); update && std::string(update) == "1") {
        std::ofstream(expected, std::ios::binary) << output;
        return;
    }
    EXPECT_EQ(output, slurp(expected)) << "SHUNT_UPDATE_GOLDEN=1 takes the output as it is";
}

// Each line has the promised form, whatever the golden file says.
TEST_P(ConfigGolden, LineForm) {
    const fs::path expected =
        fs::path(SHUNT_TESTS_DIR) / "golden/config" / (fs::path(GetParam()).filename().string() + ".txt");
    std::istringstream lines(slurp(expected));
    std::string line;
    int count = 0;
    std::pair<int, int> before{0, 0};
    const std::string file = fs::path(GetParam()).filename().string() + ".yaml:";
    while (std::getline(lines, line)) {
        ++count;
        ASSERT_TRUE(line.starts_with(file)) << line;
        std::istringstream numbers(line.substr(file.size()));
        std::pair<int, int> place;
        char colon = 0;
        numbers >> place.first >> colon >> place.second;
        EXPECT_TRUE(place.first > 0 && place.second > 0) << line;
        EXPECT_LE(before, place) << "not in the order of the file: " << line;
        before = place;
        EXPECT_NE(line.find("; expected "), std::string::npos) << line;
    }
    EXPECT_GT(count, 0);
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigGolden, testing::ValuesIn(all_cases()), [](const auto& tested) {
    std::string name = tested.param;
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
    return name;
});

TEST(ConfigGoldenFiles, NoneIsLeftOver) {
    std::vector<std::string> stems;
    for (const auto& name : all_cases()) stems.push_back(fs::path(name).filename().string());
    EXPECT_GE(stems.size(), 200u);
    for (const auto& entry : fs::directory_iterator(fs::path(SHUNT_TESTS_DIR) / "golden/config")) {
        EXPECT_NE(std::find(stems.begin(), stems.end(), entry.path().stem().string()), stems.end()) << entry.path();
    }
}

}  // namespace
