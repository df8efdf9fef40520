/**
 * All settings of a run, as run.json has them: what has to be the same for the same bytes.
 */
import { escape, heads, row, scrolling, words } from "./Html.ts"

/** Settings by dotted name, folded, and where machine and times are put. */
export const section = (settings: ReadonlyArray<readonly [string, string]>): string =>
  `<div id="machine"><p class="note">Machine, versions, times and the command are in report/run.js.</p></div>` +
  (settings.length === 0
    ? ""
    : `<details class="words"><summary>All ${settings.length} settings</summary>${
      scrolling(
        "settings",
        `<table class="rows">${heads(["setting", "value"], ["value"])}<tbody>${
          settings.map(([name, value]) => row(escape(name), [words(value)])).join("")
        }</tbody></table>`
      )
    }</details>`)
