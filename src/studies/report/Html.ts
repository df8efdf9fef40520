/**
 * Pieces of a page as text: whatever comes from data is escaped here.
 */
import { shown } from "../../kernels/runtime/Shown.ts"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

/**
 * Escapes text for HTML and SVG. Control characters, and those that would turn the text around them, are written as
 * `\u202e`.
 */
export const escape = (text: string): string => shown(text).replace(/[&<>"']/g, (char) => entities[char] ?? char)

/** A word that begins with a dash, and a bracket before it: "(--method", "-m". */
const flags = /(?<=^|\s)\(?--?[a-z][a-z0-9-]*/g

/** Escapes sentences. Flags in them stay in one piece: a browser may end a line behind any dash. */
export const prose = (text: string): string =>
  escape(text).replace(flags, (flag) => `<span class="flag">${flag}</span>`)

/** A part of the page that the list of contents leads to. */
export const section = (id: string, title: string, body: string): string =>
  body === "" ? "" : `<section id="${id}"><h2>${escape(title)}</h2>${body}</section>`

/** A table that scrolls by itself where it is too wide, by keyboard too, and shows that there is more. */
export const scrolling = (name: string, table: string): string =>
  `<div class="card scroll" tabindex="0" role="region" aria-label="${escape(name)}">${table}</div>`

/**
 * Cells of a table's head. HTML, escaped where it came from.
 *
 * @param texts those whose columns hold texts, not numbers
 */
export const heads = (cells: ReadonlyArray<string>, texts: ReadonlyArray<string> = []): string =>
  `<thead><tr>${
    cells.map((cell) => `<th scope="col"${texts.includes(cell) ? " class=\"text\"" : ""}>${cell}</th>`).join("")
  }</tr></thead>`

/** A row: its name, then its cells. HTML, escaped where it came from. */
export const row = (name: string, cells: ReadonlyArray<string>): string =>
  `<tr><th scope="row">${name}</th>${cells.join("")}</tr>`

/** A cell of a word or two. */
export const text = (text: string): string => `<td class="text">${escape(text)}</td>`

/** A cell of sentences, which wrap. */
export const words = (text: string): string => `<td class="text words">${prose(text)}</td>`

/** A cell of a number. */
export const cell = (text: string | number): string => `<td>${escape(String(text))}</td>`
