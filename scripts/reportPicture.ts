/**
 * The README's picture of a report, `docs/report.png`: the head of a run's page, its bars and its first answers.
 *
 *     npx rise init weather && npx rise train --data weather/pictures --budget 10m
 *     node scripts/reportPicture.ts runs/pictures
 *
 * Wants Chromium: `CHROMIUM` names it where it is not `chromium` on the PATH.
 */
import { Console, Effect, FileSystem, Path } from "effect"
import { Argument, Command } from "effect/cli"
import { fileURLToPath } from "node:url"
import sharp from "sharp"
import { readable, runMain } from "../src/cli/process.ts"
import { executable, ScriptError } from "./program.ts"

/** Pixels of the page: what is below the answers is cut. */
const [width, height] = [980, 2400]

/** Of sections those that tell what a report is; of the results the bars. */
const shown = `<style>
  section:not(#results, #answers), #results > :not(h2, .stack), #results .stack > .scroll, #answers details, .paging
  { display: none !important }
  main { padding-bottom: 24px }
</style>`

/** A page's own policy lets it have no other style. */
const policy = /<meta http-equiv="Content-Security-Policy"[^>]*>/

/** Takes the picture of the page in a run's folder. */
const picture = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { join, resolve } = yield* Path.Path
  const page = yield* fs.readFileString(join(folder, "report.html"))
  // Beside the page, whose answers lie in report/.
  const copy = join(folder, "picture.html")
  yield* Effect.acquireRelease(
    fs.writeFileString(copy, page.replace(policy, "").replace("</head>", `${shown}</head>`)),
    () => Effect.ignore(fs.remove(copy))
  )
  const whole = join(yield* fs.makeTempDirectoryScoped(), "whole.png")
  const code = yield* executable(process.env["CHROMIUM"] ?? "chromium", [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    `--window-size=${width},${height}`,
    `--screenshot=${whole}`,
    `file://${resolve(copy)}`
  ])
  if (code !== 0) return yield* new ScriptError({ reason: `Chromium ended with ${code}, and took no picture` })
  const target = fileURLToPath(new URL("../docs/report.png", import.meta.url))
  const { height: tall } = yield* Effect.tryPromise({
    try: async () => {
      // The paper below the last row of answers is no part of the picture; that at the sides is.
      const { info } = await sharp(whole).trim({ threshold: 2 }).toBuffer({ resolveWithObject: true })
      const until = Math.min(height, info.height - (info.trimOffsetTop ?? 0) + 24)
      return sharp(whole).extract({ left: 0, top: 0, width, height: until }).png({ palette: true }).toFile(target)
    },
    catch: (cause) => new ScriptError({ reason: `${whole} could not be cut: ${String(cause)}` })
  })
  yield* Console.log(`${target}: ${width} × ${tall} pixels`)
}, Effect.scoped)

Command.make(
  "report-picture",
  { folder: Argument.String("RUN").pipe(Argument.withDescription("The folder of a run")) },
  ({ folder }) => readable(picture(folder))
).pipe(
  Command.withDescription("Take the README's picture of the report in a run's folder"),
  runMain
)
