/**
 * `node --import bench/harness/usage.ts …` ends with a line of what the process has used: its most resident KiB, and
 * its processor's microseconds, both with all threads.
 */
import { writeSync } from "node:fs"
import { peakBytes } from "../../src/kernels/runtime/peak.ts"

process.on("exit", () => {
  const { systemCPUTime, userCPUTime } = process.resourceUsage()
  writeSync(2, `usage ${Math.round(peakBytes() / 1024)} ${userCPUTime + systemCPUTime}\n`)
})
