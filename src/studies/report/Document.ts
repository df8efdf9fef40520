/**
 * A page of this project as one HTML document: everything inline, nothing loaded, light and dark.
 */
import { createHash } from "node:crypto"
import { escape } from "./Chart.ts"

const style = `
:root{--paper:#fbfaf7;--card:#fff;--ink:#1d2733;--soft:#5d6b7a;--rule:#e3e0d8;--accent:#0f6e84;--second:#c2571a;
  --third:#7a5aa6;--faint:#c3ccd4;--best:#e6f2f3}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--card:#1b2128;--ink:#e6eaee;--soft:#97a4b1;--rule:#2b333c;
  --accent:#4fb3c8;--second:#e58c52;--third:#b296dd;--faint:#4a5561;--best:#1d3238}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1060px;margin:0 auto;padding:40px 24px 80px}
h1{font-size:27px;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:18px;margin:44px 0 12px}
p.verdict{font-size:17px;font-weight:600;margin:22px 0 8px;max-width:75ch}
details.words{margin:8px 0 4px}
details.words summary{cursor:pointer;color:var(--soft)}
details.words dl{display:block;margin:8px 0}
details.words div{padding:3px 0}
details.words dt{min-width:110px;color:var(--ink);font-weight:600}
p.lead{color:var(--soft);margin:0 0 20px;max-width:70ch}
dl{display:flex;flex-wrap:wrap;gap:6px 26px;margin:0}
dl div{display:flex;gap:7px}
dt{color:var(--soft)}
dd{margin:0;font-variant-numeric:tabular-nums}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:14px 16px}.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 12px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
thead th{font-weight:600;color:var(--soft);font-size:13px}
tbody tr:last-child td{border-bottom:0}
td.best{background:var(--best);font-weight:600}
tr.ours td:first-child{font-weight:600}
caption{caption-side:top;text-align:left;font-weight:600;padding:2px 12px 8px}.stack{display:grid;gap:16px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:14px}
.stage{margin:22px 0 8px;font-weight:600}
.stage small{color:var(--soft);font-weight:400}
svg{display:block;width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
svg .title{font-weight:600;fill:var(--ink);font-size:12px}
svg .strong{fill:var(--ink);font-weight:600}
svg .grid{stroke:var(--rule);stroke-width:1}
.example{display:grid;grid-template-columns:200px 1fr;gap:20px}
.example img{width:100%;border-radius:8px;border:1px solid var(--rule);display:block}
.example .meta{color:var(--soft);font-size:13px;margin-top:8px;overflow-wrap:anywhere}
.said{display:grid;grid-template-columns:1fr 250px;gap:16px;padding:10px 0;border-bottom:1px solid var(--rule)}
.said:last-child{border:0;padding-bottom:0}
.said:first-child{padding-top:0}
.said b{display:block;font-size:13px}
.said q{quotes:none;color:var(--ink)}
.said code{color:var(--soft);font:12.5px ui-monospace,monospace;overflow-wrap:anywhere}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
.key.truth{background:var(--faint)}.key.ours{background:var(--accent)}
.note{color:var(--soft);font-size:13.5px;margin:8px 0 10px;max-width:80ch}
@media(max-width:720px){.example,.said{grid-template-columns:1fr}}
`

export interface DocumentOptions {
  readonly title: string
  /** Facts at the head of the page, as label and value. */
  readonly facts: ReadonlyArray<readonly [string, string]>
  /** HTML, escaped where it came from. */
  readonly body: string
}

/**
 * A page may be made of a folder from elsewhere: should anything in it escape being text, no browser runs it or fetches
 * for it. Pictures are inline; the one style sheet is known by its hash.
 */
const policy = [
  "default-src 'none'",
  "img-src data:",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'"
].join("; ")

/** The document around a body. Title and facts are escaped here. */
export const document = ({ body, facts, title }: DocumentOptions): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
  `<meta http-equiv="Content-Security-Policy" content="${policy}">` +
  `<meta name="viewport" content="width=device-width,initial-scale=1">` +
  `<title>${escape(title)}</title><style>${style}</style></head><body><main>` +
  `<h1>${escape(title)}</h1><dl>${
    facts.map(([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join("")
  }</dl>` +
  `${body}</main></body></html>\n`
