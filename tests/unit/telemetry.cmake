# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(telemetry_test
  SOURCES telemetry_metrics_test.cpp telemetry_state_test.cpp
  LIBS shunt_telemetry)
