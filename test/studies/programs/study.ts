// A whole study as a process of its own, for tests that interrupt it: node study.ts OUT MILLISECONDS_PER_UPDATE
// [resume]
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer, Stream } from "effect"
import { Run } from "../../../src/dsl/Run.ts"
import type { Preset } from "../../../src/pipelines/Presets.ts"
import { warmUp } from "../../../src/pipelines/warmUp.ts"
import { compare, methods } from "../../../src/studies/compare.ts"
import { inFolder } from "../../../src/studies/folder.ts"
import * as Stub from "../../dsl/StubPolicy.ts"

const [out = "", pause = "0", mode] = process.argv.slice(2)

const preset: Preset = {
  name: "test",
  validation: 0.2,
  generate: { candidates: 4 },
  reconstruct: {},
  reinforce: { steps: 10, promptsPerStep: 8, learningRate: 5 },
  filter: { tau: 0.75 },
  sft: { steps: 10, batchSize: 8, learningRate: 3 },
  rft: { steps: 10, promptsPerStep: 8, learningRate: 3 },
  evaluate: { maxTokens: 32 }
}
const train = Stub.data(60)
const test = Stream.drop(Stub.data(90), 60)
const start = warmUp(Stub.Mood, train, preset)

compare({
  start,
  methods: methods(preset)(start),
  test,
  preset,
  policy: Stub.layer({ seed: 1, beforeUpdate: () => Effect.sleep(Number(pause)) })
}).pipe(
  Effect.tap(Effect.flatMap(Run, ({ finished }) => Console.log(finished("RISE/method")))),
  inFolder({ out, seed: 1, resume: mode === "resume", task: Stub.Mood, train, test, config: {} }),
  Effect.provide(Layer.provideMerge(Stub.Trace.layer, NodeServices.layer)),
  NodeRuntime.runMain
)
