# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(truth_test SOURCES truth_test.cpp LIBS shunt_config shunt_policy shunt_base)
target_include_directories(truth_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
