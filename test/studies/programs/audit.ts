// An audit as a process of its own, that dies as by SIGKILL before the policy's n-th call, or ends:
// node audit.ts OUT N. Prints the key of every request before it is answered.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option } from "effect"
import { writeSync } from "node:fs"
import { Progress, silent } from "../../../src/dsl/Progress.ts"
import * as Rise from "../../../src/dsl/Rise.ts"
import { Run } from "../../../src/dsl/Run.ts"
import { Checkpoints } from "../../../src/dsl/Storage.ts"
import { Audit } from "../../../src/studies/index.ts"
import * as Stub from "../../dsl/StubPolicy.ts"
import * as Drawing from "../../policy/drawing.ts"

const [out = "", last = "0"] = process.argv.slice(2)

let calls = 0
const mortal = Drawing.layer((sample) => (requests, options) =>
  Effect.suspend(() => {
    if (++calls === Number(last)) process.kill(process.pid, "SIGKILL")
    writeSync(1, requests.map(({ key }) => `${key}\n`).join(""))
    return sample(requests, options)
  })
)

Audit.study({
  task: Stub.Mood,
  data: Stub.data(40),
  preset: {
    warmUp: { share: 0.5, steps: 4, batchSize: 4, learningRate: 2 },
    generate: { candidates: 4 },
    reconstruct: {},
    reinforce: { steps: 4, promptsPerStep: 4, learningRate: 5 }
  },
  policy: Layer.provide(mortal, Stub.layer({ seed: 4 })),
  training: "warm-up",
  out,
  seed: 4,
  top: 20,
  by: "similarity",
  wrong: Option.none(),
  bars: () => [],
  facts: []
}).pipe(
  Effect.provide([
    Run.layer({ path: out, seed: 4, resume: true, identity: {} }),
    Stub.Trace.layer,
    Layer.succeed(Progress, silent)
  ]),
  Effect.provideService(Rise.Batching, { prompts: 4, calls: 1 }),
  Effect.provideService(Checkpoints, { every: { steps: 1, minutes: 0 }, share: 1, keep: 2 }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
