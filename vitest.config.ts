import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

// Tests start hundreds of programs: each of them, and vitest's own processes, finds its modules compiled.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("./.cache/compiled", import.meta.url))

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Left alone, two cores give one worker, which waits for the programs that tests start.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Files of one worker share its modules: what most of them load is loaded twice instead of 280 times.
    isolate: false,
    // End-to-end tests train a real model on two slow cores.
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
