/**
 * `npm run test:fuzz`: SECONDS (60), INPUTS (no end), SEED (the day), PROCESSES (2), TARGETS (all, or names with commas
 * between). Inputs that were found lie in FINDINGS (fuzz-findings/), each with what became of it beside; the same SEED
 * makes them again. Ends with 1 where there is one.
 */
import { fuzz, read, table } from "./run.ts"

const { FINDINGS, INPUTS, PROCESSES, SECONDS, SEED, TARGETS } = process.env
const seed = SEED === undefined ? Math.floor(Date.now() / 86_400_000) : Number(SEED)
console.log(`seed ${seed}`)
const summary = await fuzz({
  seed,
  seconds: Number(SECONDS ?? (INPUTS === undefined ? 60 : Infinity)),
  inputs: Number(INPUTS ?? Number.MAX_SAFE_INTEGER),
  processes: Number(PROCESSES ?? 2),
  targets: TARGETS === undefined ? [] : TARGETS.split(","),
  findings: FINDINGS ?? "fuzz-findings",
  tell: (so) => console.error(`${read(so)} inputs, ${so.findings.length} findings`)
})
console.log(table(summary))
for (const { file, what } of summary.findings.slice(0, 20)) console.log(`${file}: ${what.split("\n")[0]}`)
process.exitCode = summary.findings.length === 0 ? 0 : 1
