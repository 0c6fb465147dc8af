# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(inspect_test
  SOURCES inspect_difference_test.cpp inspect_domains_test.cpp inspect_rows_test.cpp
  LIBS shunt_inspect shunt_config)
