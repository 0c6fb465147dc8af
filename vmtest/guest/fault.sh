# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# Only for selftest.sh: fails in the way that FAULT_SUITE says.
# shellcheck source-path=SCRIPTDIR source=check.sh
. /vmtest/check.sh
check Fault.FirstPasses true
case $FAULT_SUITE in
fail) check Fault.SecondFails sh -c 'echo the reason; false' ;;
die) kill -KILL $$ ;;
exit) exit 3 ;;
stuck) sleep 1000 ;;
features) echo '{"features": {"first": true, "second": false}}' >"${VM_TAP%.tap}.json" ;;
nofeatures) echo '{"features": {}}' >"${VM_TAP%.tap}.json" ;;
esac
[ "$failed" -eq 0 ]
