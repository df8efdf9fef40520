/**
 * All settings of a run, as run.json has them: what has to be the same for the same bytes.
 */
import { escape, heads, row, scrolling, words } from "./Html.ts"
import * as Machine from "./Machine.ts"

/** Settings by dotted name, folded, and where machine and times are put. */
export const section = (settings: ReadonlyArray<readonly [string, string]>): string =>
  Machine.place +
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
