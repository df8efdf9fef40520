import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Left alone, two cores give one worker, which waits for the programs that tests start.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // End-to-end tests train a real model on two slow cores.
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
