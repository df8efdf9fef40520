/**
 * `node --import bench/harness/usage.ts …` ends with a line of what the process has used: its most resident KiB, and
 * its processor's microseconds, both with all threads.
 */
import { writeSync } from "node:fs"

process.on("exit", () => {
  const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage()
  writeSync(2, `usage ${maxRSS} ${userCPUTime + systemCPUTime}\n`)
})
