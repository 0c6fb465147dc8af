# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(policy_test
  SOURCES policy_balancing_test.cpp policy_compile_test.cpp policy_compiler_test.cpp policy_scopes_test.cpp policy_lane_test.cpp policy_port_lines_test.cpp sync_plan_test.cpp sync_requirements_test.cpp
          kernel_cgroup_test.cpp kernel_pins_test.cpp
  LIBS shunt_kernel shunt_policy shunt_sync shunt_config)
target_include_directories(policy_test PRIVATE ${PROJECT_SOURCE_DIR}/bpf)
