/** The look of the page. Colours keep their distance for colour-blind readers (after Okabe and Ito). */

const LIGHT = [
  ...['#0067b1', '#b3560a', '#4f5d6b', '#00795b', '#a3417e', '#8a6d00', '#5b51c9'],
  ...['#b02a37', '#2c7fa3', '#6b7d2a', '#7a4a2b', '#008075', '#8f5fae', '#77736b'],
]
const DARK = [
  ...['#4fb3ff', '#ff9d4d', '#a9b7c6', '#35cfa3', '#f08cc8', '#e6c440', '#a79bff'],
  ...['#ff7b86', '#6fd0f2', '#b9cf5f', '#cf9a74', '#4fd6cb', '#d3a4f0', '#b5b0a6'],
]
/** As many contestants as there can be; colours come round again. */
const KINDS = 20
/** From here on lines are dashed too, since colours alone are hard to tell apart. */
const DASHED = 7

const variables = (colors: readonly string[]): string => colors.map((color, i) => `--c${i}:${color}`).join(';')
const kinds = Array.from(
  { length: KINDS },
  (_, i) => `.k${i}{--k:var(--c${i % LIGHT.length})${i < DASHED ? '' : ';--dash:6 4'}}`,
).join('')

export const STYLE: string = `
:root{color-scheme:light dark;--bg:#fbfbf9;--card:#fff;--text:#1c2126;--soft:#5a646e;--line:#dfe2e4;--note:#fff3d6;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--text:#e7eaec;--soft:#9aa5af;--line:#343a40;--note:#3a3117;${variables(DARK)}}}
${kinds}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.25rem 1rem 3rem;max-width:74rem;background:var(--bg);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.2rem;margin:2.25rem 0 .25rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.35rem 0;max-width:52rem}
.facts span{display:inline-block;margin-right:1.25rem}
.facts,.key,figcaption span,section>p{color:var(--soft)}
.note{background:var(--note);padding:.4rem .7rem;border-radius:6px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,28rem),1fr));gap:1rem}
figure{margin:0;padding:.8rem .9rem;background:var(--card);border:1px solid var(--line);border-radius:8px;min-width:0}
figcaption{font-weight:600;margin-bottom:.5rem}
figcaption span{font-weight:400;font-size:.85em}
.bar{display:grid;grid-template-columns:9.5rem minmax(0,1fr) 4.2rem;gap:.6rem;align-items:center;font-size:.88rem;line-height:1.75}
.bar svg{display:block;width:100%;height:14px}
.bar rect{fill:var(--k)}
.bar rect.off{opacity:.35}
.bar line{stroke:var(--text);stroke-width:1.2}
.bar circle{fill:var(--card);stroke:var(--text);stroke-width:1}
.value{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.failed{color:var(--soft);line-height:1.35}
:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
.curves{display:block;width:calc(100% - 3.6rem);height:15rem;margin:.4rem .5rem 1.6rem 3.1rem;overflow:visible}
.curves path{fill:none;stroke:var(--k);stroke-width:2;stroke-dasharray:var(--dash,none);vector-effect:non-scaling-stroke}
.grid-lines line{stroke:var(--line)}
.grid-lines text{fill:var(--soft);font-size:11px}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.2rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child{text-align:left;white-space:normal;min-width:17rem}
.scroll th:first-child{position:sticky;left:0;background:var(--bg)}
tbody th{font-weight:400}
.legend{width:100%}
.legend th:first-child{min-width:0;white-space:nowrap}
.legend svg{display:inline-block;width:1.3rem;height:.7rem;margin-right:.45rem}
.legend line{stroke:var(--k);stroke-width:3;stroke-dasharray:var(--dash,none)}
.scroll{overflow-x:auto;max-width:100%}
details{margin-top:1rem}
summary{cursor:pointer}
dl{display:grid;grid-template-columns:minmax(8rem,auto) 1fr;gap:.3rem 1rem;margin:.75rem 0}
dt{font-weight:600}
dd{margin:0}
code{font-size:.9em}
small{color:var(--soft)}
@media (max-width:36rem){
th:first-child{min-width:9rem}.legend{font-size:.75rem}.legend th,.legend td{padding:.2rem .2rem}.legend svg{width:1rem;margin-right:.3rem}
.bar{grid-template-columns:minmax(0,1fr) auto;gap:0 .6rem;margin-bottom:.35rem}
.bar .name{grid-column:1}.bar .value{grid-column:2;grid-row:1}.bar svg,.bar .failed{grid-column:1/-1}
dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}
.facts span{display:block}
}
@media print{figure{break-inside:avoid}}
`
