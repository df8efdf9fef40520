/**
 * All settings of a run, as run.json has them: what has to be the same for the same bytes.
 */
import { escape } from "./Html.ts"

/** Settings by dotted name, folded, and where machine and times are put. */
export const section = (settings: ReadonlyArray<readonly [string, string]>): string =>
  `<div id="machine"><p class="note">Machine, versions, times and the command are in report/run.js.</p></div>` +
  (settings.length === 0
    ? ""
    : `<details class="words"><summary>All ${settings.length} settings</summary><div class="card scroll" tabindex="0" ` +
      `role="region" aria-label="settings"><table><thead><tr><th scope="col">setting</th><th scope="col">value</th></tr>` +
      `</thead><tbody>${
        settings.map(([name, value]) =>
          `<tr><th scope="row">${escape(name)}</th><td class="words">${escape(value)}</td></tr>`
        ).join("")
      }</tbody></table></div></details>`)
