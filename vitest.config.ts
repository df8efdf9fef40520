import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

// Tests start hundreds of programs: each of them, and vitest's own processes, finds its modules compiled.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("./.cache/compiled", import.meta.url))

/** Folders whose tests train models and start programs. */
const long = /\/test\/(chaos|cli|evaluation|examples|policy|studies)\//

/** Begins with what takes long, so that no worker is left alone with it; nobody knows how long in a new clone. */
class LongFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    return [true, false].flatMap((first) => sorted.filter(({ moduleId }) => long.test(moduleId) === first))
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Left alone, two cores give one worker, which waits for the programs that tests start.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Files of one worker share its modules: what most of them load is loaded twice instead of 280 times.
    isolate: false,
    // V8 collects whenever 64 MB of arrays have come since it last did: here, where tests make and drop weights and the
    // heap holds hundreds of modules, a quarter of the processor time. It waits for what a heap may hold instead.
    execArgv: ["--external-memory-accounted-in-global-limit", "--initial-heap-size=384"],
    sequence: { sequencer: LongFirst },
    // End-to-end tests train a real model, also where other work has the cores.
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
