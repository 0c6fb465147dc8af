# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(diagnose_test
  SOURCES diagnose_findings_test.cpp diagnose_proxies_test.cpp diagnose_rules_test.cpp diagnose_sockets_test.cpp
  LIBS shunt_diagnose shunt_telemetry shunt_sync)
