/**
 * The paper on COCO-Sub: everything in a picture with its name and its box.
 *
 *   node examples/coco-sub.ts [--data DIR] [--model DIR] [--out DIR] [--preset quick|full|photos|paper|smoke] [--shots N] [--seed N] [--resume]
 *
 * With --data it reads COCO's folder, or one with instances.json and pictures beside it, and draws the paper's subset. Without it uses
 * the embedded scenes, which are synthetic.
 */
import { Effect } from "effect"
import { Pipelines } from "../src/index.ts"
import * as Cli from "../src/cli/index.ts"

Cli.example("coco-sub", "Base, SFT, Visual-RFT and RISE on everything in a picture", Effect.fn(function*(flags) {
  const preset = Cli.settings(flags, "coco-sub")
  const source = yield* Pipelines.Sources.cocoSub(Cli.sourceOf(flags))
  const start = Pipelines.warmUp(source.task, source.train, preset)

  yield* Pipelines.compare({
    ...source, // the test half, the prior, what a text names
    start,
    methods: Cli.methods(flags, preset)(start), // SFT: eq. 8 on bare answers; Visual-RFT: eq. 10; RISE: eq. 1, 7, 8, 10
    preset,
    policy: Cli.policy(flags, preset)
  }).pipe(Cli.study({ name: "coco-sub", preset: "coco-sub", flags, task: source.task, source }))
}))
