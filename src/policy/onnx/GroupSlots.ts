/** Where the rows of packed sequences stand while they attend as groups. */
import type { GroupShape } from "../../kernels/models/index.ts"
import type { HostTensor } from "../../kernels/runtime/index.ts"
import { roundUp } from "./roundUp.ts"

/** What is asked of a packed sequence. */
interface Grouped {
  readonly prompt: { readonly tokens: ArrayLike<number> }
  readonly candidates: ReadonlyArray<ReadonlyArray<unknown>>
}

/** Tokens of a candidate that are read: its last one is only predicted. */
export const read = (candidate: ReadonlyArray<unknown>): number => Math.max(0, candidate.length - 1)

/**
 * Scores below this share of a square of the whole sequence are worth finding rows and slots: measured, for the square
 * is one product without a copy.
 */
const WORTH = 0.6

/** Slots for a prompt of so many tokens and so many candidates of so many tokens that are read. */
export const shapeOf = (prompt: number, candidates: number, candidate: number): GroupShape => ({
  prompt: roundUp(prompt, 16),
  candidates,
  // One more than the longest: the last slot of a candidate is empty.
  candidate: roundUp(candidate + 1, 16)
})

/** The slots of a batch whose sequences are padded to `length` tokens, if it is quicker with them. */
export const wanted = (
  sequences: ReadonlyArray<Grouped>,
  length: number
): GroupShape | undefined => {
  const most = (of: (sequence: Grouped) => number) => sequences.reduce((n, sequence) => Math.max(n, of(sequence)), 1)
  const shape = shapeOf(
    most(({ prompt }) => prompt.tokens.length),
    most(({ candidates }) => candidates.length),
    most(({ candidates }) => candidates.reduce((n, candidate) => Math.max(n, read(candidate)), 0))
  )
  return isQuicker(shape, length) ? shape : undefined
}

/** Whether slots leave enough of the square out. */
export const isQuicker = ({ candidate, candidates, prompt }: GroupShape, length: number): boolean =>
  candidates > 1 && prompt * prompt + candidates * candidate * (prompt + candidate) < WORTH * length * length

/**
 * The feeds of `groupInputs`. What is empty points to what is: slots to the batch's last row, rows to its last slot.
 *
 * @param length rows of a sequence; the last of the batch's last sequence must be empty
 */
export const tensors = (
  sequences: ReadonlyArray<Grouped>,
  batch: number,
  length: number,
  { candidate, candidates, prompt }: GroupShape,
  ints: (length: number) => Int32Array
): Record<string, HostTensor.HostTensor> => {
  const promptSlots = batch * prompt
  const slots = promptSlots + batch * candidates * candidate
  const rows = batch * length
  const promptRows = ints(promptSlots).fill(rows - 1)
  const candidateRows = ints(slots - promptSlots).fill(rows - 1)
  const slotOf = ints(rows).fill(slots - 1)
  const promptLengths = ints(batch)
  sequences.forEach((sequence, b) => {
    const { length: tokens } = sequence.prompt.tokens
    promptLengths[b] = tokens
    let row = b * length
    for (let i = 0; i < tokens; i++, row++) {
      promptRows[b * prompt + i] = row
      slotOf[row] = b * prompt + i
    }
    sequence.candidates.forEach((tokens, c) => {
      const first = (b * candidates + c) * candidate
      for (let i = 0; i < read(tokens); i++, row++) {
        candidateRows[first + i] = row
        slotOf[row] = promptSlots + first + i
      }
    })
  })
  const int32 = (data: Int32Array): HostTensor.HostTensor => ({ dtype: "int32", dims: [data.length], data })
  return {
    promptRows: int32(promptRows),
    candidateRows: int32(candidateRows),
    slotOf: int32(slotOf),
    promptLengths: int32(promptLengths)
  }
}
