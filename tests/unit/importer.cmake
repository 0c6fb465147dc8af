# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(importer_test
  SOURCES importer_annotations_test.cpp importer_envoy_test.cpp importer_fetch_test.cpp importer_flags_test.cpp importer_write_test.cpp
  LIBS shunt_importer shunt_config)
