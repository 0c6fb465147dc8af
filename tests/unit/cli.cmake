# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(cli_test
  SOURCES cli_completion_test.cpp cli_control_test.cpp cli_explain_test.cpp cli_import_test.cpp cli_failures_test.cpp cli_log_test.cpp cli_metrics_test.cpp cli_output_test.cpp cli_parse_test.cpp cli_pc_test.cpp
  LIBS shunt_cli shunt_daemon shunt_telemetry shunt_config)
