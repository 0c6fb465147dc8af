# SPDX-License-Identifier: Apache-2.0
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
shunt_unit_test(daemon_test
  SOURCES daemon_envoy_test.cpp daemon_pace_test.cpp
  LIBS shunt_daemon PkgConfig::HTTPLIB)
