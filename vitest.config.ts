import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // End-to-end tests train a real model on two slow cores.
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
