/**
 * The paper on Emotion6-style data: which feelings does a picture evoke, and why?
 *
 *   node examples/emotion6.ts [--data DIR] [--model DIR] [--out DIR] [--preset smoke|quick|full|photos|paper] [--seed
 * N] [--lora RANK] [--resume]
 *
 * Without --data it uses the embedded scenes, which are synthetic.
 */
import { Effect } from "effect"
import { Emotion6, Pipelines, Rise, Sources, Studies } from "rise-vlm"
import * as Cli from "rise-vlm/cli"

const { task } = Emotion6

Cli.example(
  "emotion6",
  "Base, SFT, Visual-RFT and RISE on soft emotion labels",
  Effect.fn(function*(flags) {
    const preset = Cli.settings(flags)
    const source = yield* Sources.softLabels({ task, ...flags })
    const start = Pipelines.warmUp(task, source.train, preset)

    const rise = start.pipe(
      Rise.generate(preset.generate), // R_g ~ π(· | I, A)
      Rise.reconstruct(preset.reconstruct), // Â_g ~ π(· | I, R_g)
      Rise.validate(), // r_g, eq. 1
      Rise.reinforce(preset.reinforce), // GRPO on the closed loop: reasoning and reconstruction tokens, eq. 7
      Rise.best(), // D_RISE: the best chain of each sample and its reward
      Rise.filter(preset.filter), // D_RISE^high
      Rise.sft(preset.sft), // eq. 8
      Rise.rft(preset.rft) // eq. 9, 10, on all of D
    )
    const sft = start.pipe(Rise.answers(), Rise.sft(preset.sft))
    const visualRft = start.pipe(Rise.rft(preset.rft))

    yield* Studies.compare({
      start,
      methods: {
        SFT: sft,
        "Visual-RFT": visualRft,
        RISE: rise,
        ...(flags.equalCompute ? Studies.equalComputeBaselines(preset)(start) : {})
      },
      test: source.test,
      preset,
      policy: Cli.policy(flags, preset),
      shots: source.shots,
      mean: Sources.meanDistribution,
      cuesNamed: source.cuesNamed,
      bars: Studies.barsOf(task)
    }).pipe(Cli.study({ name: "emotion6", preset, flags, task, source }))
  })
)
