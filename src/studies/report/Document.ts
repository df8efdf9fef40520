/**
 * A page of this project as one HTML document: style and script inline, light and dark, nothing loaded but what the
 * report wrote beside itself.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { escape } from "./Html.ts"

const asset = (name: string): string => readFileSync(new URL(`../../../assets/report/${name}`, import.meta.url), "utf8")

/** Read when the first page is made: most commands make none. */
let read: { readonly style: string; readonly code: string } | undefined
const assets = () => read ??= { style: asset("page.css"), code: asset("page.js") }

/** A part of the page, for the list of contents. */
export interface Section {
  readonly id: string
  readonly title: string
}

export interface DocumentOptions {
  readonly title: string
  /** Facts at the head of the page, as label and value. */
  readonly facts: ReadonlyArray<readonly [string, string]>
  /** HTML, escaped where it came from. */
  readonly body: string
  /** HTML above the list of contents, escaped where it came from. */
  readonly opening?: string
  /** What the list of contents leads to. Default: there is none. */
  readonly sections?: ReadonlyArray<Section>
  /** Whether the page loads what lies beside it. Default false: then nothing at all runs in it. */
  readonly script?: boolean
}

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

/**
 * A page may be made of a folder from elsewhere: should anything in it escape being text, no browser runs it or fetches
 * for it. Pictures are inline; the one style sheet and the one script are known by their hashes, and only that script
 * may load others: those beside the page.
 */
const policy = (script: boolean): string => {
  const { code, style } = assets()
  return [
    "default-src 'none'",
    "img-src data:",
    `style-src ${hash(style)}`,
    ...(script ? [`script-src ${hash(code)} 'strict-dynamic'`] : []),
    "base-uri 'none'",
    "form-action 'none'"
  ].join("; ")
}

const contents = (sections: ReadonlyArray<Section>): string =>
  sections.length < 2 ?
    "" :
    `<nav class="contents" aria-label="Contents"><ul>${
      sections.map(({ id, title }) => `<li><a href="#${id}">${escape(title)}</a></li>`).join("")
    }</ul></nav>`

/** The document around a body. Title and facts are escaped here. */
export const document = (
  { body, facts, opening = "", script = false, sections = [], title }: DocumentOptions
): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
  `<meta http-equiv="Content-Security-Policy" content="${policy(script)}">` +
  `<meta name="viewport" content="width=device-width,initial-scale=1">` +
  `<title>${escape(title)}</title><style>${assets().style}</style></head><body><main>` +
  `<h1>${escape(title)}</h1><dl>${
    facts.map(([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join("")
  }</dl>${opening}${contents(sections)}` +
  `${body}</main>${script ? `<script>${assets().code}</script>` : ""}</body></html>\n`
