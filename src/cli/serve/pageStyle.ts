/** How the page looks: light and dark, from 320 pixels on. */
export const style = `
:root{--paper:#fbfaf7;--card:#fff;--ink:#1d2733;--soft:#55626f;--rule:#d9d5ca;--accent:#0f6e84;--bad:#a3341d}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--card:#1b2128;--ink:#e6eaee;--soft:#a3b0bc;--rule:#39434e;
  --accent:#4fb3c8;--bad:#f0927b}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--paper);color:var(--ink);
  font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1000px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;margin:0 0 4px}
h2{font-size:15px;margin:0 0 4px;color:var(--soft);font-weight:600}
.lead{color:var(--soft);margin:0 0 20px;max-width:65ch;overflow-wrap:anywhere}
.drop{display:grid;place-items:center;min-height:112px;padding:16px;border:2px dashed var(--rule);border-radius:12px;
  background:var(--card);cursor:pointer;text-align:center}
.drop:hover,.drop.over{border-color:var(--accent)}
.drop:focus-within{outline:3px solid var(--accent);outline-offset:2px}
.hidden{position:absolute;width:1px;height:1px;opacity:0}
.field{margin-top:14px;display:grid;gap:4px}
input[type=text],input[type=password]{font:inherit;color:inherit;background:var(--card);border:1px solid var(--soft);
  border-radius:8px;padding:9px 11px;width:100%}
.row{display:flex;gap:8px}
.row input{flex:1;min-width:0}
button{font:inherit;color:#fff;background:#0f6e84;border:0;border-radius:8px;padding:9px 18px;cursor:pointer}
button:focus-visible,input:focus-visible,summary:focus-visible,pre:focus-visible{
  outline:3px solid var(--accent);outline-offset:1px}
#status{min-height:1.5em;margin:14px 0;overflow-wrap:anywhere}
#status.bad{color:var(--bad)}
#result{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:24px;align-items:start}
figure{margin:0}
.frame{position:relative;border-radius:10px;overflow:hidden;border:1px solid var(--rule);background:var(--card)}
.frame img{display:block;width:100%;height:auto;image-rendering:auto}
.frame svg{position:absolute;inset:0;width:100%;height:100%}
.frame rect{fill:none;stroke:#fff;stroke-width:5;vector-effect:non-scaling-stroke}
.frame rect.line{stroke:#0f6e84;stroke-width:2.5}
figcaption,.note{color:var(--soft);font-size:14px;margin:6px 0 0;overflow-wrap:anywhere}
.said{display:grid;gap:4px}
.said p{margin:0 0 14px;overflow-wrap:anywhere}
.bar{display:grid;grid-template-columns:minmax(5em,9em) minmax(0,1fr) 3.2em;gap:10px;align-items:center;padding:3px 0}
.bar .label{overflow-wrap:anywhere}
.bar .track{height:14px;background:var(--rule);border-radius:7px;overflow:hidden}
.bar .fill{height:100%;background:var(--accent);border-radius:7px}
.bar .share{text-align:right;font-variant-numeric:tabular-nums}
details{margin-top:10px}
summary{cursor:pointer;color:var(--soft)}
pre{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px;overflow:auto;font-size:13px}
@media(max-width:700px){#result{grid-template-columns:minmax(0,1fr)}main{padding:22px 16px 48px}}
`
