# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(config_test
  SOURCES config_golden_test.cpp config_good_test.cpp config_source_test.cpp config_document_test.cpp
          config_mutation_test.cpp
  LIBS shunt_config)
