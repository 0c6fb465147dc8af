#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh CASE SHUNT BUILD: one end-to-end case of `shunt bench`.
set -euo pipefail

case_name=$1
shunt=$2
build=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
    echo "bench.sh: $*" >&2
    [[ ! -s $dir/err ]] || cat "$dir/err" >&2
    exit 1
}

# Cgroups of a bench are named after its process.
left_by() { find "$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)" -maxdepth 1 -name "shunt-bench-$1"; }

case $case_name in
    run)
        "$shunt" bench --rounds 3 --entries 10,100 --connections 1000 -o json --report "$dir/page.html" >"$dir/out" 2>"$dir/err" &
        pid=$!
        wait "$pid" || fail "exit code $?"
        [[ -z $(left_by "$pid") ]] || fail "cgroups are left"
        # Each arm that Debian has the tools for, each with proof and figures; sums of histograms are what was timed.
        jq -e '
            . as $all | def whole: .histogram.total == .timed_connections and (.histogram.hdr | startswith("HISTFAAA"));
            .shunt_bench == 2 and ((.skipped | map(.arm)) - ["envoy"] == []) and (.machine.mitigations | length) > 0
            and (["direct", "iptables-legacy", "iptables-legacy-idle", "iptables-nft", "nftables", "shunt-address", "shunt-record"] - (.arms | keys) == [])
            and all(.arms[]; (.connect_added_p50_ns | type) == "number" and (.connect_p99_ns > 0) and .timed_connections == 1536
                and whole and all(.families[]; whole))
            and all(.arms[]; .proof | .connections > 0 and .seen_by_proxy == .connections
                and .right_destination == .connections and (.redirected == null or .redirected == .connections))
            and ([.arms[] | select(.proof.redirected == null)] | length) == 2
            and (.arms["shunt-record"].families.v6.connect_p50_ns > 0)
            and any(.programs[]; .arm == "shunt-address" and .family == "v4" and .program == "shunt_connect4"
                and .runs_per_connection == 1 and .ns_per_run > 0 and .machine_bytes > 0)
            and ([.stages.growth[] | "\(.arm) \(.kind) \(.entries)"] | sort) == ["iptables-legacy mixed 10",
                "iptables-legacy mixed 100", "shunt-address mixed 10", "shunt-address mixed 100"]
            and (["connect", "programs", "growth", "echo", "haproxy", "capacity", "start"] - (.seconds | keys) == [])
            and all(.stages.growth[]; .apply_ms > 0)
            and all("established", "haproxy", "capacity"; . as $stage | ["direct", "iptables-legacy", "iptables-nft", "nftables",
                "shunt-address", "shunt-record"] - ($all.stages[$stage] | map(.arm)) == [])
            and all(.stages.established[]; .round_trip_32_ns > 0 and .bytes_per_second > 0)
            and all(.stages.haproxy[]; .connections == 600 and .per_second > 0 and .proxy_cpu_us_per_connection > 0)
            and all(.stages.capacity[]; .connections == 1000 and .ended_by == "")
            and .stages.start.protected_ms > 0 and .stages.start.resident_mb > 1' "$dir/out" >/dev/null ||
            fail "not the JSON that was expected: $(jq -c 'del(.arms[].histogram, .arms[].families[]?.histogram)' "$dir/out")"
        for part in '</html>' '{"label":"shunt-record","arm":"shunt-record","points":' '{"arm":"nftables","value":' 'shunt_connect4'; do
            grep -qF "$part" "$dir/page.html" || fail "the page has no $part"
        done
        # A run against itself differs nowhere.
        "$shunt" bench compare "$dir/out" "$dir/out" -o json >"$dir/same" 2>"$dir/err" || fail "compare: exit code $?"
        jq -e '(.arms | length) > 10 and all(.arms[]; .distinguishable == false) and .notes == []' "$dir/same" >/dev/null ||
            fail "a run differs from itself: $(cat "$dir/same")"
        ;;
    proof)
        # Redirected, but past the rule that counts: connections work as always, and the figures would be of other rules.
        real=$(PATH="$PATH:/usr/sbin:/sbin" command -v iptables-legacy-restore)
        cat >"$dir/iptables-legacy-restore" <<EOF
#!/bin/sh
sed 's/^-A OUTPUT .*/-A OUTPUT -p tcp -j REDIRECT --to-ports 15001/' | "$real" "\$@"
EOF
        chmod 755 "$dir/iptables-legacy-restore"
        status=0
        PATH="$dir:$PATH" "$shunt" bench --rounds 2 --arms iptables-legacy --stages programs -o json >"$dir/out" 2>"$dir/err" || status=$?
        ((status == 1)) || fail "exit code $status, 1 was expected"
        [[ ! -s $dir/out ]] || fail "figures are printed without proof"
        grep -Eq 'proof failed: iptables-legacy: [0-9]+ connections, but the redirection counted [0-9]+' "$dir/err" ||
            fail "the message is another"
        # The final ACK of one handshake in fifty is lost, as on a busy machine: those come later than the ones behind them. The
        # proof does not mind, and it is done again without any interference, so that it was the interference that failed.
        cat >"$dir/iptables-legacy-restore" <<EOF
#!/bin/sh
{ cat; printf '*filter\n-A OUTPUT -p tcp --tcp-flags SYN,ACK,FIN,RST,PSH ACK -m statistic --mode nth --every 50 --packet 7 -j DROP\nCOMMIT\n'; } |
    "$real" "\$@"
EOF
        PATH="$dir:$PATH" "$shunt" bench --rounds 2 --arms iptables-legacy --stages programs -o json >"$dir/out" 2>"$dir/err" || fail "exit code $?"
        "$shunt" bench --rounds 2 --arms iptables-legacy --stages programs -o json >"$dir/out" 2>"$dir/err" || fail "exit code $?"
        ;;
    capacity)
        # The rules of the arm that connections are kept in, which is the second that is made, are changed on their way.
        real=$(PATH="$PATH:/usr/sbin:/sbin" command -v iptables-legacy-restore)
        with_second_rules() { # COMMAND
            rm -f "$dir/first"
            cat >"$dir/iptables-legacy-restore" <<EOF
#!/bin/sh
if [ -e "$dir/first" ]; then $1; else touch "$dir/first"; cat; fi | "$real" "\$@"
EOF
            chmod 755 "$dir/iptables-legacy-restore"
            status=0
            PATH="$dir:$PATH" "$shunt" bench --rounds 2 --arms iptables-legacy --stages capacity --families v4 --connections 1000 \
                -o json >"$dir/out" 2>"$dir/err" || status=$?
        }
        # NAT that finds no port drops a SYN behind the rule that counts, and the rule counts the SYN that is sent again.
        with_second_rules 'cat; printf "*mangle\n-A POSTROUTING -p tcp --syn -m statistic --mode nth --every 400 --packet 7 -j DROP\nCOMMIT\n"'
        ((status == 0)) || fail "exit code $status"
        jq -e '.stages.capacity == (["direct", "iptables-legacy"] | map({arm: ., connections: 1000, ended_by: ""}))' "$dir/out" >/dev/null ||
            fail "not what was expected: $(jq -c .stages.capacity "$dir/out")"
        # What passes by the rule that counts is no proof.
        with_second_rules 'sed "s/^-A OUTPUT .*/-A OUTPUT -p tcp -j REDIRECT --to-ports 15001/"'
        ((status == 1)) || fail "exit code $status, 1 was expected"
        grep -q 'proof failed: iptables-legacy: 1000 live connections, but the redirection counted 0' "$dir/err" || fail "the message is another"
        ;;
    families)
        "$shunt" bench --rounds 2 --arms shunt-dual --families v6 --stages programs -o json >"$dir/out" 2>"$dir/err" || fail "exit code $?"
        jq -e '.arms["shunt-dual"] | has("connect_p50_ns") == false and (.families | keys) == ["v6"] and .proof.connections > 0' \
            "$dir/out" >/dev/null || fail "more or less than IPv6: $(jq -c '.arms["shunt-dual"] | del(.families[].histogram)' "$dir/out")"
        jq -e '[.programs[].family] | unique == ["v6"]' "$dir/out" >/dev/null || fail "programs of other families"
        # Growth of one kind of entries; ports have an end, and the packet filter has no listeners.
        "$shunt" bench --rounds 1 --arms shunt-address,iptables-legacy --families v4 --stages growth --entries 10,30000,40000 \
            --kinds ports,listeners -o json >"$dir/out" 2>"$dir/err" || fail "exit code $?"
        jq -e '([.stages.growth[] | "\(.arm) \(.kind) \(.entries)"] | sort) == ["iptables-legacy ports 10", "shunt-address listeners 10",
                "shunt-address listeners 30000", "shunt-address listeners 40000", "shunt-address ports 10", "shunt-address ports 20000"]' \
            "$dir/out" >/dev/null || fail "not what was asked: $(jq -c '.stages.growth' "$dir/out")"
        ;;
    envoy)
        # The real Envoy, found in PATH; each of its connections is proven as those of connect() are.
        envoy=$("$(dirname "$0")/../../scripts/envoy.sh" "$build")
        PATH="$(dirname "$envoy"):$PATH" "$shunt" bench --rounds 3 --families v4 --stages haproxy,envoy -o json --report "$dir/page.html" \
            >"$dir/out" 2>"$dir/err" || fail "exit code $?"
        jq -e '
            def proven: .proof | .connections == 600 and .seen_by_proxy == 600 and .right_destination == 600;
            . as $all | .skipped == [] and (.versions.envoy | test("^[0-9]+[.]"))
            and all("haproxy", "envoy"; . as $stage | $all.seconds[$stage] > 0
                and ($all.stages[$stage] | map(.arm)) == ["direct", "direct-again", "iptables-legacy", "iptables-nft", "nftables",
                    "shunt-address", "shunt-record"]
                and all($all.stages[$stage][]; .per_second > 0 and .p50_ns > 0 and .proxy_cpu_us_per_connection > 0 and proven)
                and all($all.stages[$stage][]; .proof.redirected == (if .arm | startswith("direct") then null else 600 end)))' \
            "$dir/out" >/dev/null || fail "not the JSON that was expected: $(jq -c '.skipped, .versions, .seconds, .stages' "$dir/out")"
        grep -qF '<h2>New connections through Envoy</h2>' "$dir/page.html" || fail "the page has no Envoy"
        ;;
    interrupt)
        "$shunt" bench --arms shunt-address >"$dir/out" 2>"$dir/err" &
        pid=$!
        for ((i = 0; i < 300; ++i)); do
            [[ -z $(left_by "$pid") ]] || break
            sleep 0.1
        done
        [[ -n $(left_by "$pid") ]] || fail "it did not start"
        kill -INT "$pid"
        status=0
        wait "$pid" || status=$?
        ((status == 1)) || fail "exit code $status, 1 was expected"
        grep -q 'interrupted' "$dir/err" || fail "the message is another"
        [[ -z $(left_by "$pid") ]] || fail "cgroups are left"
        ;;
    beside)
        # Somebody's shunt is running, with a listener on the proxy's port: neither is seen by the other.
        mount_point=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
        user="shunt-t-bench-beside"
        mkdir -p "$mount_point/$user/proxy" "$dir/bpf"
        mount -t bpf bpf "$dir/bpf"
        running=()
        cleanup() {
            ((${#running[@]} == 0)) || kill "${running[@]}" && wait
            "$shunt" uninstall --pin-dir "$dir/bpf/shunt" --run-dir "$dir/run" >/dev/null
            umount "$dir/bpf"
            rmdir "$mount_point/$user/proxy" "$mount_point/$user"
            rm -rf "$dir"
        }
        trap cleanup EXIT
        printf 'proxy: { listen: "0.0.0.0:15001", identity: { cgroup: /%s/proxy } }\ncapture: { cgroups: [/%s] }\n' \
            "$user" "$user" >"$dir/user.yaml"
        "$shunt" run --pin-dir "$dir/bpf/shunt" --run-dir "$dir/run" -c "$dir/user.yaml" 2>"$dir/log" &
        running+=($!)
        python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 15001)); s.listen(); time.sleep(60)' &
        running+=($!)
        for ((i = 0; i < 200; ++i)); do
            ! grep -q ready "$dir/log" || break
            sleep 0.05
        done
        state() { "$shunt" "$1" -o json --pin-dir "$dir/bpf/shunt" --run-dir "$dir/run"; }
        { state status && state counters; } >"$dir/before" 2>"$dir/err" || fail "the shunt beside does not run"
        "$shunt" bench --rounds 2 --arms shunt-address --stages start -o json >"$dir/out" 2>"$dir/err" || fail "exit code $?"
        { state status && state counters; } >"$dir/after" 2>"$dir/err" || fail "the shunt beside is gone"
        diff "$dir/before" "$dir/after" || fail "the shunt beside has changed"
        ;;
    missing)
        # No packet filter to be found: its arms are named and left out, the others run.
        cat >"$dir/hide" <<'EOF'
for program in /usr/sbin/*tables* /sbin/*tables* /usr/sbin/nft; do [[ ! -e $program ]] || mount --bind /dev/null "$program"; done
exec "$@"
EOF
        unshare -m --propagation private bash "$dir/hide" "$shunt" bench --rounds 2 --stages programs -o json >"$dir/out" \
            2>"$dir/err" || fail "exit code $?"
        jq -e '(.skipped | map(.arm)) == ["iptables-legacy", "iptables-legacy-idle", "iptables-legacy-bare", "iptables-nft",
                "nftables"] and (.arms | keys) == ["direct", "direct-again", "shunt-address", "shunt-dual", "shunt-record"]' \
            "$dir/out" >/dev/null || fail "not the arms that were expected: $(jq -c '.skipped, (.arms | keys)' "$dir/out")"
        grep -q 'iptables-legacy is left out: .* not installed' "$dir/err" || fail "it is not said"
        ;;
    usage)
        status=0
        "$shunt" bench --arms shunt-adress >"$dir/out" 2>"$dir/err" || status=$?
        ((status == 2)) || fail "exit code $status, 2 was expected"
        grep -q 'did you mean "shunt-address"' "$dir/err" || fail "the message is another"
        status=0
        setpriv --reuid 65534 --regid 65534 --clear-groups "$shunt" bench --rounds 1 >"$dir/out" 2>"$dir/err" || status=$?
        ((status == 5)) || fail "exit code $status, 5 was expected"
        grep -q 'needs root' "$dir/err" || fail "the message is another"
        refused() { # EXIT CODE, MESSAGE, ARGUMENT...
            status=0
            "$shunt" bench "${@:3}" >"$dir/out" 2>"$dir/err" || status=$?
            ((status == $1)) || fail "$*: exit code $status"
            [[ ! -s $dir/out ]] || fail "$*: data is printed"
            grep -qF -- "$2" "$dir/err" || fail "$*: the message is another"
        }
        echo '{"shunt_bench": 1, "arms": {}}' >"$dir/older.json"
        refused 1 'older.json: a report of version 1; this shunt reads version 2' compare "$dir/older.json" "$dir/older.json"
        echo '{"shunt_bench": 99, "arms": {}}' >"$dir/other.json"
        refused 1 'other.json: a report of version 99' compare "$dir/other.json" "$dir/other.json"
        refused 1 'not a report of shunt bench' compare /dev/null /dev/null
        refused 1 'No such file' compare "$dir/none.json" "$dir/other.json"
        refused 2 'compare takes two files' compare "$dir/other.json"
        refused 2 '"compair" is no action' compair
        refused 2 'did you mean "growth"' --stages grow
        refused 2 'ipv6' --families ipv6
        refused 2 'port' --kinds port
        refused 1 'No such file' --report "$dir/none/page.html"
        ;;
    *) fail "unknown case $case_name" ;;
esac
