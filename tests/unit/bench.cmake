# SPDX-License-Identifier: Apache-2.0
shunt_unit_test(bench_test
  SOURCES bench_statistics_test.cpp bench_report_test.cpp bench_page_test.cpp
  LIBS shunt_bench)
