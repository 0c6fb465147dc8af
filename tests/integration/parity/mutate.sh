#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mutate.sh list              the names of the deliberate errors in the order of decide()'s rules
# mutate.sh NAME LIB OUT      a copy of bpf/lib (LIB) in the folder OUT, with that error in its decide.h
# Each is "a capture rule is asked before a bypass rule": the bypass rule's condition is weakened by the later rule's.
set -euo pipefail

port='(port_flags \& SHUNT_PORT_INCLUDED)'
cidr='shunt_wrong_cidr(env, scope, flow)'
names=(
    port_before_excluded_port cidr_before_excluded_port
    port_before_identity cidr_before_identity
    port_before_own cidr_before_own
    port_before_groups cidr_before_groups
    port_before_loopback cidr_before_loopback
    port_before_excluded_cidr cidr_before_excluded_cidr
    port_is_a_filter own_never_captured inbound_source_forgotten unspecified_is_no_loopback
)

if [[ "${1:-}" == list && $# == 1 ]]; then
    printf '%s\n' "${names[@]}"
    exit 0
fi
if (($# != 3)); then
    echo "usage: mutate.sh list | NAME LIB OUT" >&2
    exit 2
fi
name=$1 lib=$2 out=$3

later=$port
[[ "$name" == cidr_* ]] && later=$cidr
unless=" \\&\\& !$later"
case $name in
    *_before_excluded_port) edit="s/if (port_flags & SHUNT_PORT_EXCLUDED)/if (port_flags \\& SHUNT_PORT_EXCLUDED$unless)/" ;;
    *_before_identity) edit="/^\treason = shunt_identify/{n;s/UNSET)/UNSET$unless)/}" ;;
    *_before_own) edit="s/if (own && own_is_direct)/if (own \\&\\& own_is_direct$unless)/" ;;
    *_before_groups) edit="s/SHUNT_OWNER_INCLUDED))/SHUNT_OWNER_INCLUDED)$unless)/;s/(gid_flags & SHUNT_OWNER_EXCLUDED)/(gid_flags \\& SHUNT_OWNER_EXCLUDED$unless)/" ;;
    *_before_loopback) edit="s/if (cidr_flags & SHUNT_CIDR_LOOPBACK)/if (cidr_flags \\& SHUNT_CIDR_LOOPBACK$unless)/" ;;
    *_before_excluded_cidr) edit="s/if (cidr_flags & SHUNT_CIDR_EXCLUDED)/if (cidr_flags \\& SHUNT_CIDR_EXCLUDED$unless)/" ;;
    port_is_a_filter) edit='s/if (!(port_flags & SHUNT_PORT_INCLUDED) && /if ((scope->flags \& SHUNT_SCOPE_PORTS \&\& !(port_flags \& SHUNT_PORT_INCLUDED)) || /' ;;
    own_never_captured) edit='s/own_is_direct = !(scope->flags & SHUNT_SCOPE_INCLUDE_OWN) || /own_is_direct = 1 || /' ;;
    inbound_source_forgotten) edit='s/ || shunt_is_inbound_source(&flow->src)//' ;;
    unspecified_is_no_loopback) edit='s/loopback = any || /loopback = !any \&\& /' ;;
    *)
        echo "mutate.sh: no error is called $name" >&2
        exit 2
        ;;
esac

mkdir -p "$out"
cp "$lib"/*.h "$out"
{
    sed '/^\/\* The rules in order/,$d' "$lib/decide.h"
    cat <<'END'
SHUNT_INLINE int shunt_wrong_cidr(struct shunt_env *env, const struct shunt_scope *scope, const struct shunt_flow *flow)
{
	return scope->flags & SHUNT_SCOPE_INCLUDE_ALL ||
	       (scope->flags & (flow->is_v4 ? SHUNT_SCOPE_CIDRS4 : SHUNT_SCOPE_CIDRS6) &&
		shunt_env_cidr(env, &flow->dst, flow->is_v4 != 0) & SHUNT_CIDR_INCLUDED);
}

END
    sed -n '/^\/\* The rules in order/,$p' "$lib/decide.h" | sed -e "$edit"
} >"$out/decide.h"
# An edit that found nothing would be an error that nobody could notice.
if [[ "$(sed -n '/^\/\* The rules in order/,$p' "$out/decide.h")" == "$(sed -n '/^\/\* The rules in order/,$p' "$lib/decide.h")" ]]; then
    echo "mutate.sh: $name: decide.h no longer has the line that this error changes" >&2
    exit 1
fi
