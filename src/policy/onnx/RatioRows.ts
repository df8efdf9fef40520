/** Rows of a batch by the completion that each is of: for ratios of sequences, and for what is told of ratios. */
import type { HostTensor } from "../../kernels/runtime/index.ts"
import type { Form } from "../../kernels/train/index.ts"
import type { GroupRelative, RatioStats } from "../Policy.ts"
import * as Ratios from "../Ratios.ts"
import type { Batch } from "./PackedSequences.ts"
import { roundUp } from "./roundUp.ts"

/** What is told of the ratios of all batches, from the log-probabilities that they computed. */
export const statsOf = (
  results: ReadonlyArray<{ readonly batch: Batch; readonly outputs: Readonly<Record<string, HostTensor.HostTensor>> }>,
  form: Form,
  clip: GroupRelative["clip"]
): RatioStats | undefined => {
  const tally = Ratios.tally(form, clip)
  for (const { batch: { spans, tensors }, outputs } of results) {
    const now = floats(outputs["logprobs"])
    const [old, advantages] = [floats(tensors["oldLogprobs"]), floats(tensors["advantages"])]
    if (now.length === 0) continue
    for (const { length, start } of spans.flat()) {
      const rows = [start, start + length] as const
      tally.add(Ratios.of(form, now.subarray(...rows), old.subarray(...rows)), advantages.subarray(...rows))
    }
  }
  return tally.stats()
}

const floats = (tensor: HostTensor.HostTensor | undefined): Float32Array =>
  tensor?.data instanceof Float32Array ? tensor.data : new Float32Array(0)

/** Places for the sequences of a batch: few numbers, so that few graphs are compiled. */
export const sequencesOf = ({ spans }: Batch): number => roundUp(spans.flat().length, 8)

/** Which sequence each row is of. */
export const sequenceFeeds = (
  { shape: { rows }, spans }: Batch,
  memory: HostTensor.Shared
): Record<string, HostTensor.HostTensor> => {
  const of = memory.int32(rows)
  const share = memory.float32(rows)
  spans.flat().forEach(({ length, start }, i) => {
    of.fill(i, start, start + length)
    share.fill(1 / length, start, start + length)
  })
  return {
    sequence: { dtype: "int32", dims: [rows], data: of },
    sequenceShare: { dtype: "float32", dims: [rows], data: share }
  }
}
