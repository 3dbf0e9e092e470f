"""The look of the page: light and dark, wide and narrow."""

from __future__ import annotations

CSS = """
:root{--bg:#fbfbfa;--card:#fff;--ink:#1d2228;--soft:#5b6470;--line:#dfe2e6;--high:#b3261e;--medium:#8a5a00;--low:#3d5a80;--accent:#2456a6;
--s0:#4477aa;--s1:#d95f4c;--s2:#2a9d74;--s3:#b5922b;--s4:#8e5ea2;--s5:#7a8288;--grid:#e6e8eb;--pos:36,86,166;--neg:190,70,50;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e7e9ec;--soft:#a3acb6;--line:#333a42;--high:#ff8a80;--medium:#f0bd5c;--low:#9cc0ee;
--accent:#8ab4f8;--s0:#6fa3dc;--s1:#ee8877;--s2:#5cc79f;--s3:#dcbf62;--s4:#bd95cf;--s5:#98a1a8;--grid:#2c3238;--pos:110,165,245;--neg:240,130,110}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1180px;margin:0 auto;padding:20px 20px 60px}
h1{font-size:26px;line-height:1.25;margin:8px 0 4px;overflow-wrap:anywhere}h2{font-size:20px;margin:40px 0 8px;scroll-margin-top:56px}
h3{font-size:15px;margin:0 0 4px;overflow-wrap:anywhere}p{margin:6px 0;max-width:78ch}.soft{color:var(--soft)}small{color:var(--soft)}
nav{position:sticky;top:0;z-index:2;background:var(--bg);border-bottom:1px solid var(--line);overflow-x:auto;white-space:nowrap}
nav div{max-width:1180px;margin:0 auto;padding:9px 20px;display:flex;gap:18px}nav a{color:var(--accent);text-decoration:none}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;margin:16px 0}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;min-width:0}
.tile b{display:block;font-size:22px;line-height:1.2;overflow-wrap:anywhere}.tile span{color:var(--soft);font-size:13px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:14px;margin:12px 0}
.two{align-items:start}.wide{grid-template-columns:1fr}.two{grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr))}
.half{align-items:start;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr))}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:14px}th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.name{overflow-wrap:anywhere;min-width:110px}
code{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.finding{border-left:4px solid var(--low);margin:10px 0}.finding.high{border-left-color:var(--high)}.finding.medium{border-left-color:var(--medium)}
.finding p{margin:2px 0;overflow-wrap:anywhere}.finding code{display:block;background:var(--bg);border:1px solid var(--line);border-radius:5px;
padding:5px 8px;margin-top:6px}
.badge{display:inline-block;font-size:12px;font-weight:700;text-transform:uppercase;letter-spacing:.04em;color:var(--low);margin-right:8px}
.high .badge,.badge.leaking,.badge.high{color:var(--high)}.medium .badge,.badge.medium{color:var(--medium)}
.mended{opacity:.72}
dl{display:grid;grid-template-columns:auto 1fr auto 1fr;gap:0 10px;margin:8px 0 0;font-size:13px}dt{color:var(--soft)}
dd{margin:0;text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
svg{display:block;max-width:100%;height:auto}.card svg{width:100%}.card .legend svg{width:10px}
.lying{display:grid;grid-template-columns:fit-content(42%) minmax(0,1fr) 44px;gap:0 8px;align-items:center;font-size:13px}.lying svg{height:20px}
.lying .name{text-align:right;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.lying .value{font-variant-numeric:tabular-nums;color:var(--soft)}
.lying .ticks{display:flex;justify-content:space-between;color:var(--soft);font-size:12px}.lying .unit{text-align:center}
.lying .places{position:relative;height:18px;color:var(--soft);font-size:12px}.lying .places span{position:absolute;transform:translateX(-50%)}
polyline,.l0,.l1,.l2,.l3,.l4,.l5{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}polyline.mark{stroke-width:1}.dot{stroke-width:4}
.l0{stroke:var(--s0)}.l1{stroke:var(--s1)}.l2{stroke:var(--s2)}.l3{stroke:var(--s3)}.l4{stroke:var(--s4)}.l5{stroke:var(--s5)}
td.heat{text-align:right;font-variant-numeric:tabular-nums;padding:5px 8px}
.mark{stroke:var(--soft);stroke-dasharray:4 3;vector-effect:non-scaling-stroke}svg .grid{vector-effect:non-scaling-stroke}
svg text{fill:var(--soft);font:11px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
svg .ink{fill:var(--ink)}svg .axis{stroke:var(--line)}svg .grid{stroke:var(--grid)}
.c0{fill:var(--s0)}.c1{fill:var(--s1)}.c2{fill:var(--s2)}.c3{fill:var(--s3)}.c4{fill:var(--s4)}.c5{fill:var(--s5)}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:13px;color:var(--soft);margin:4px 0}
.legend span{display:inline-flex;align-items:center;gap:5px;overflow-wrap:anywhere}
.legend svg{width:10px;height:10px;flex:none}
.pos{fill:rgb(var(--pos))}.neg{fill:rgb(var(--neg))}.none{fill:var(--grid)}
details{margin:12px 0}summary{cursor:pointer;color:var(--accent)}
@media (max-width:560px){main{padding:12px 12px 40px}nav div{padding:9px 12px}h1{font-size:22px}.tile b{font-size:19px}}
@media print{nav{display:none}.card{break-inside:avoid}}
"""
