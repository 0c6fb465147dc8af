# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(man_test SOURCES man_test.cpp LIBS shunt_man shunt_cli shunt_config)
