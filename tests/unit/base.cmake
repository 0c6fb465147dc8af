# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(base_test
  SOURCES base_net_test.cpp base_text_test.cpp base_names_test.cpp
  LIBS shunt_base)
