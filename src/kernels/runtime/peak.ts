/** How much memory this process has held at most. */
import { readFileSync } from "node:fs"

/**
 * The most that was resident, in bytes. Linux keeps it for the program that runs; `maxRSS` counts there what the
 * process that started this one held, too.
 */
export const peakBytes = (): number => {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8")) ?? []
    if (kibibytes !== undefined) return 1024 * Number(kibibytes)
  } catch {
    // No Linux.
  }
  return 1024 * process.resourceUsage().maxRSS
}
