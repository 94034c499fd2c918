"""The look of the page and of its charts. One palette, one type scale, nothing from elsewhere."""

from __future__ import annotations

from typing import Final

_LIGHT = (
    "--paper:#ffffff;--ink:#18202a;--muted:#56616e;--line:#dde2e8;--wash:#f4f6f8;"
    "--nod:#2b62a0;--nod-tint:#dce8f5;--carried:#a9c4e2;--cap:#b4500f;--cap-tint:#f8e4d6;"
    "--rest:#b2bbc5"
)
_DARK = (
    "--paper:#12161b;--ink:#e8ebef;--muted:#9ba7b4;--line:#2c343d;--wash:#1a2027;"
    "--nod:#6ea8e4;--nod-tint:#1d2f43;--carried:#38587b;--cap:#f0955a;--cap-tint:#3d2718;"
    "--rest:#48525e"
)

_CHART = """
text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
fill:var(--ink);font-variant-numeric:tabular-nums}
.muted{fill:var(--muted)}.strong{font-weight:600}.large{font-size:16px}
.of-nod{fill:var(--nod);font-weight:600}.of-cap{fill:var(--cap);font-weight:600}
.halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.paper{fill:var(--paper)}.empty{fill:var(--wash)}.seam{stroke:var(--paper);stroke-width:1px}
.fill-nod{fill:var(--nod)}.fill-cap{fill:var(--cap)}.fill-carried{fill:var(--carried)}
.fill-rest{fill:var(--rest)}.ribbon{fill:var(--nod-tint)}.held{fill:var(--cap-tint)}
.grid{stroke:var(--line)}.axis{stroke:var(--muted)}.limit{stroke:var(--cap)}
.curve{fill:none;stroke:var(--nod);stroke-width:2px;stroke-linejoin:round}
.plateau{fill:none;stroke:var(--cap);stroke-width:4px;stroke-linecap:round}
.uncapped{fill:none;stroke:var(--muted);stroke-width:1.5px;stroke-dasharray:4 3}
.dot{stroke:var(--paper);stroke-width:1px}.open{fill:var(--paper);stroke:var(--muted)}
"""

STANDALONE_STYLE: Final = (
    f"svg{{{_LIGHT}}}@media (prefers-color-scheme:dark){{svg{{{_DARK}}}}}{_CHART}"
)
"""For a chart in a file of its own."""

_PAGE = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:968px;padding:40px 24px 56px;background:var(--paper);
color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",
Arial,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:40px;line-height:1.1;font-weight:650;letter-spacing:-.02em;margin:0}
h2{font-size:21px;line-height:1.25;font-weight:650;letter-spacing:-.01em;margin:56px 0 4px}
p{margin:0 0 16px;max-width:68ch}
.lede{font-size:18px;margin:12px 0 32px}.note{color:var(--muted);font-size:14px}
.notice{border-left:3px solid var(--cap);padding:2px 0 2px 14px}
code,pre,.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
code,.id{font-size:.9em;overflow-wrap:anywhere}
pre{margin:8px 0 20px;padding:14px 16px;background:var(--wash);border-radius:6px;
font-size:14px;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere}
.headline{display:grid;grid-template-columns:repeat(3,1fr);margin:0;
border-top:2px solid var(--ink);border-bottom:1px solid var(--line)}
.headline div{padding:14px 20px 16px}.headline div:first-child{padding-left:0}
.headline div+div{border-left:1px solid var(--line)}
dt{font-size:14px;color:var(--muted)}dd{margin:0}
.headline dd{font-size:28px;line-height:1.25;font-weight:650;letter-spacing:-.01em}
.headline .fine{display:block;font-size:14px;font-weight:400;letter-spacing:0;
overflow-wrap:anywhere}
.fine{color:var(--muted)}.unit{color:var(--muted);font-weight:400;font-size:14px;
letter-spacing:0}
figure{margin:20px 0 0}.chart{display:block;width:100%;height:auto;overflow:visible}
.narrow{display:none}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--muted);padding-bottom:6px}
th{font-weight:400;color:var(--muted);text-align:left}thead th{border-bottom:1px solid var(--ink)}
td,th{padding:5px 0 5px 14px;vertical-align:baseline}td:first-child,th:first-child{padding-left:0}
tbody tr+tr>*{border-top:1px solid var(--line)}
.number{text-align:right;white-space:nowrap}.scroll{overflow-x:auto}
.beside{display:grid;grid-template-columns:minmax(0,1fr) 250px;gap:56px;margin-top:28px}
.beside .note{padding-top:6px}.account{font-size:15px}
.account th{color:var(--ink)}.account .part th,.account .of th{padding-left:18px;color:var(--muted)}
.account .of th{padding-left:36px}.account .of td{color:var(--muted)}
.account .sum>*{border-top:1px solid var(--ink)}.account .sum>:not(.unit){font-weight:600}
.capped{color:var(--cap);font-weight:600}
.pair{display:grid;grid-template-columns:400px 1fr;gap:48px;align-items:center}
.meter{width:40%}.meter span{display:block;height:9px;background:var(--nod)}
.meter span+span{margin-top:2px;height:3px;background:var(--rest)}
.groups th{white-space:nowrap}.groups thead td{border-bottom:1px solid var(--ink)}
.cut{position:absolute}.hand{width:auto;margin:0 0 16px}
footer{margin-top:48px;padding-top:14px;border-top:1px solid var(--line)}
@media (max-width:820px){.pair,.beside{grid-template-columns:minmax(0,1fr);gap:20px}
.pair figure{max-width:400px}}
@media (max-width:640px){
body{padding:28px 16px 40px}h1{font-size:32px}h2{font-size:19px;margin-top:44px}
.lede{font-size:16px;margin-bottom:24px}
.wide{display:none}.narrow{display:block;max-width:440px}
.headline{grid-template-columns:1fr}.headline div,.headline div:first-child{padding:10px 0}
.headline div+div{border-left:0;border-top:1px solid var(--line)}
td,th{padding-left:8px}.account,.account tbody{display:block}
.account tr{display:grid;grid-template-columns:1fr 40px;padding:4px 0}
.account tbody tr+tr{border-top:1px solid var(--line)}
.account tbody .sum{border-top-color:var(--ink)}
.account tbody .sum>*,.account tbody tr>*,.account tbody tr+tr>*{
border:0;padding-top:0;padding-bottom:0}
.account th{grid-column:1/3}
.account .number,.nodes .number{white-space:normal;overflow-wrap:anywhere}
.hand,.hand tbody,.hand tr{display:block}.hand td,.hand th{display:inline-block;padding-left:0}
.hand td{padding-left:6px}.hand .id{display:block;padding:0 0 5px}.hand tbody tr+tr>*{border:0}
.nodes thead{display:none}.nodes,.nodes tbody{display:block}
.nodes tr{display:grid;grid-template-columns:26px 1fr auto;padding:9px 0;
border-top:1px solid var(--line)}
.nodes tbody tr+tr>*,.nodes td{border:0;padding:0}.nodes td{grid-column:2/4;text-align:left}
.nodes td:nth-child(1){grid-area:1/1}.nodes td:nth-child(2){grid-area:1/2;padding-right:8px}
.nodes td:nth-child(3){grid-area:2/2}.nodes td:nth-child(4){grid-area:2/3;text-align:right}
.nodes td:nth-child(6){grid-area:1/3;text-align:right}
.nodes td[data-name]::before{content:attr(data-name);margin-right:8px;color:var(--muted)}
.nodes td:nth-child(4) .cut{position:static}
}
@media print{
body{max-width:none;padding:0;font-size:12px;line-height:1.4}h1{font-size:32px}.lede{font-size:15px}
h2{margin-top:28px;font-size:18px;break-after:avoid}h2+p{break-after:avoid}
table,.account{font-size:12px}td,th{padding:2px 0 2px 12px}.note{font-size:12px}
.headline dd{font-size:22px}.headline .fine,.headline dt{font-size:12px}
.pair{grid-template-columns:280px minmax(0,1fr);gap:36px}.pair figure{margin:0}
.beside{grid-template-columns:minmax(0,1fr) 200px;gap:36px;margin-top:16px}
.unit{font-size:11px}footer{margin-top:16px;padding-top:6px}
p{margin-bottom:8px}pre{margin:4px 0 10px;padding:8px 12px;font-size:12px}
figure,p,tr,.pair,.scroll,pre{break-inside:avoid}
.chart rect,.meter span,pre{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
"""

PAGE_STYLE: Final = (
    f":root{{color-scheme:light dark;{_LIGHT}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}{_CHART}{_PAGE}"
)
"""For the page: dark only on a screen, so that it prints on white."""
