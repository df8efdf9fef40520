/** What the options of a policy at an engine may be. */
import { Predicate } from "effect"
import { type Futile, isNot } from "../../kernels/math/Futile.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import * as Endpoint from "../http/Endpoint.ts"

const { above, any, atLeast, oneOf, record, required, share, text, whole, yesOrNo } = Rules

export const defaults = {
  rank: 32,
  concurrency: 128,
  heartbeat: "10 seconds",
  patience: "30 minutes",
  kept: 16,
  /** What the SDK takes, where the server names no limit. */
  request: { data: 1024, bytes: 5_000_000 }
} as const

export const options: Rules.Table = {
  baseUrl: any,
  apiKey: any,
  model: required(text("the base model as the engine calls it")),
  tokenizer: required(text("a Hugging Face directory with the model's tokenizer, chat template and image processor")),
  seed: required(whole()),
  rank: whole(0),
  reference: any,
  optimizer: record("a record such as { beta2: 0.99 }"),
  "optimizer.beta1": share("[0, 1)"),
  "optimizer.beta2": share("[0, 1)"),
  "optimizer.epsilon": above(0),
  images: {
    expected: "\"none\", or a record such as { format: \"jpeg\" }",
    holds: (value) => value === "none" || Predicate.isObject(value)
  },
  "images.format": oneOf("png", "jpeg"),
  "images.quality": whole(1, 100),
  merge: yesOrNo,
  probe: yesOrNo,
  concurrency: whole(1),
  attempts: whole(1),
  attemptTimeout: Endpoint.duration,
  backoff: Endpoint.duration,
  heartbeat: Endpoint.duration,
  patience: Endpoint.duration,
  kept: whole(1),
  maxResponseBytes: atLeast(1)
}

/** What of it does nothing beside other options. */
export const futile: ReadonlyArray<Futile> = [{
  setting: "images.quality",
  beside: "images.format",
  where: isNot("jpeg"),
  why: "for PNG, the default, loses nothing: leave quality out, or set format to \"jpeg\""
}]
