/** What the live policy's options may be. */
import { type Futile, is } from "../../kernels/math/Futile.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import { Precision } from "../../kernels/models/index.ts"

const { above, any, atLeast, between, oneOf, orNone, record, required, share, text, whole, yesOrNo } = Rules

const trainables = ["all", "decoder", "none"] as const
/** Which tensors training changes. */
export type Trainable = typeof trainables[number]

const decodes = ["loop", "step"] as const
/** Whether a rollout is one graph, or one run a token. */
export type Decode = typeof decodes[number]

/** What holds where `OnnxPolicy.Options` does not say. */
export const defaults = {
  trainable: "decoder",
  microBatch: 8,
  microTokens: 16384,
  rolloutRows: 128,
  packFrom: [8e6, 4e8]
} as const

/** Of `OnnxPolicy.Options`; what an adapter is made of is checked where it is made. */
export const options: Rules.Table = {
  model: required(text("\"embedded\" or a Hugging Face directory")),
  seed: required(whole()),
  trainable: oneOf(...trainables),
  mapWeights: yesOrNo,
  quantize: oneOf(...Precision.rounded),
  cache: text("a folder"),
  microBatch: whole(1, 2 ** 16),
  microTokens: whole(1, 2 ** 24),
  recompute: yesOrNo,
  rolloutRows: whole(1, 2 ** 20),
  decode: oneOf(...decodes),
  packFrom: {
    expected: "[least, greatest] number of weights",
    holds: (value) => Array.isArray(value) && value.length === 2
  },
  "packFrom.0": required(orNone(atLeast(0))),
  "packFrom.1": required(orNone(atLeast(0))),
  optimizer: record("a record such as { beta2: 0.99 }"),
  "optimizer.beta1": share("[0, 1)"),
  "optimizer.beta2": share("[0, 1)"),
  "optimizer.epsilon": between(1e-16, 1),
  lora: record("a record such as { rank: 16 }"),
  "lora.adapter": text("the directory of a PEFT adapter"),
  "lora.rank": any,
  "lora.alpha": any,
  "lora.targets": any,
  "lora.rankStabilized": yesOrNo,
  "lora.dropout": share("[0, 1)"),
  "lora.reference": oneOf("stage", "base"),
  plan: record("a record with promptTokens, newTokens, prompts, group and limit"),
  "plan.promptTokens": required(whole(1, 2 ** 20)),
  "plan.visualTokens": whole(0, 2 ** 20),
  "plan.newTokens": required(whole(1, 2 ** 20)),
  "plan.prompts": required(whole(1, 2 ** 16)),
  "plan.group": required(whole(1, 2 ** 16)),
  "plan.entropy": yesOrNo,
  "plan.limit": required(orNone(above(0)))
}

/** What of it does nothing beside other options. */
export const futile: ReadonlyArray<Futile> = [
  {
    setting: "packFrom",
    beside: "decode",
    where: is("step"),
    why: "which never prepacks weights: leave one of them out"
  },
  ...["recompute", "optimizer"].map((setting) => ({
    setting,
    beside: "trainable",
    where: is("none"),
    why: "where nothing is trained: leave one of them out"
  }))
]
