// SPDX-License-Identifier: Apache-2.0
// The look of the report page: one sheet for wide and narrow, light and dark.
#pragma once

namespace shunt::bench {

inline constexpr const char* kPageStyle = R"(
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2329; --soft: #66707a; --rule: #e2e6ea; --card: #f7f8fa;
  --direct: #8a949e; --legacy: #c2410c; --idle: #ea8a3e; --bare: #b98a10; --nft: #be185d; --native: #8b3fc7;
  --address: #0f8a5f; --dual: #0891b2; --record: #2563eb; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161b; --ink: #e4e8ec; --soft: #98a3ae; --rule: #2a323b;
  --card: #191f26; --direct: #8f9aa5; --legacy: #f4804b; --idle: #f7b267; --bare: #d9b23c; --nft: #f472b6;
  --native: #b98af2; --address: #34d399; --dual: #38cfe6; --record: #74a5ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: .5rem 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; } p { margin: .25rem 0 .75rem; }
.soft, footer { color: var(--soft); font-size: .875rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .6rem .8rem; }
.card b { display: block; font-size: 1.4rem; }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .3rem .6rem; align-items: center;
  font-size: .875rem; }
.rail { position: relative; height: 1.1rem; background: var(--card); border-radius: .2rem; }
.bar { position: absolute; inset: 0 auto 0 0; border-radius: .2rem; background: var(--c); }
.whisker { position: absolute; top: 50%; border-top: 2px solid var(--ink); }
.whisker::before, .whisker::after { content: ""; position: absolute; top: -.35rem; height: .6rem;
  border-left: 2px solid var(--ink); }
.whisker::before { left: 0; } .whisker::after { right: 0; }
.value { text-align: right; font-variant-numeric: tabular-nums; }
.chart { margin: .5rem 0 1rem; }
.plot { position: relative; height: min(24rem, 70vw); margin: .25rem 0 1.4rem 2.8rem;
  border: solid var(--soft); border-width: 0 0 1px 1px; }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
.grid { stroke: var(--rule); vector-effect: non-scaling-stroke; }
.line { fill: none; stroke: var(--c); stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.xtick, .ytick { position: absolute; font-size: .75rem; color: var(--soft); line-height: 1; }
.xtick { top: calc(100% + .3rem); transform: translateX(-50%); }
.ytick { right: calc(100% + .35rem); transform: translateY(50%); }
.xtitle, .ytitle { font-size: .8rem; color: var(--soft); } .xtitle { text-align: center; }
figcaption { font-size: .85rem; }
.key { white-space: nowrap; margin-right: .7rem; }
.key::before { content: ""; display: inline-block; width: .9rem; height: .2rem; margin-right: .3rem;
  vertical-align: middle; background: var(--c); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem .25rem 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
@media (max-width: 34rem) { .bars { grid-template-columns: 1fr max-content; } .rail { grid-column: 1 / 3; grid-row: auto; }
  .bars .name { grid-column: 1; } .bars .value { grid-column: 2; grid-row: auto; order: 0; }
  .bars { grid-auto-flow: dense; } body { font-size: 15px; } }
.direct, .direct-again { --c: var(--direct); } .iptables-legacy { --c: var(--legacy); }
.iptables-legacy-idle { --c: var(--idle); } .iptables-legacy-bare { --c: var(--bare); }
.iptables-nft { --c: var(--nft); } .nftables { --c: var(--native); } .shunt-address { --c: var(--address); }
.shunt-dual { --c: var(--dual); } .shunt-record { --c: var(--record); }
)";

}  // namespace shunt::bench
