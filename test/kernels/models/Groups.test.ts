/** Candidates that attend as groups are scored, and taught, as in one square of scores. */
import { assert, describe, it } from "@effect/vitest"
import * as G from "../../../src/kernels/graph/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Parameters } from "../../../src/kernels/models/index.ts"
import type { HostTensor } from "../../../src/kernels/runtime/index.ts"
import { LossGraphs, Objectives } from "../../../src/kernels/train/index.ts"
import * as GroupSlots from "../../../src/policy/onnx/GroupSlots.ts"
import {
  layOut,
  lengthOf,
  type PackedSequence,
  PositionTable,
  rowsOf
} from "../../../src/policy/onnx/PackedSequences.ts"
import * as Onnx from "../graph/onnx.ts"
import { evaluate, type Feeds, relativeError, type Value, value } from "../graph/reference.ts"
import { config, weights } from "./fixture.ts"

const settings = config("tied")

/** A prompt of words and its candidates, of the given lengths. */
const drawn = (random: Keyed.Stream, prompt: number, candidates: ReadonlyArray<number>): PackedSequence => {
  // Without image tokens.
  const token = () => 1 + random.int(Math.min(settings.imageToken, settings.vocabulary) - 1)
  return {
    prompt: { tokens: Int32Array.from({ length: prompt }, token), grids: [] },
    images: [],
    candidates: candidates.map((length) =>
      Array.from({ length }, () => ({
        token: token(),
        weight: random.next(),
        advantage: random.normal(),
        oldLogprob: -2 * random.next(),
        state: 0,
        left: 0
      }))
    )
  }
}

const fed = (tensors: Readonly<Record<string, HostTensor.HostTensor>>): Feeds =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data, dims }]) => [name, value(data, dims)]))

const knobs = { clipLow: value([0.8], []), clipHigh: value([1.2], []), klCoefficient: value([0.1], []) }

/** Log-probabilities, loss and gradients of the sequences in a batch with room for `batch`. */
const computed = (
  sequences: ReadonlyArray<PackedSequence>,
  batch: number,
  grouped: boolean,
  run: (outputs: ReadonlyArray<G.Tensor>, feeds: Feeds) => ReadonlyArray<Value> | Promise<ReadonlyArray<Value>>
) => {
  const length = 1 + Math.max(...sequences.map(lengthOf))
  const rows = sequences.reduce((n, sequence) => n + rowsOf(sequence), 0)
  const most = (of: (sequence: PackedSequence) => number) => Math.max(...sequences.map(of))
  const groups = grouped
    ? GroupSlots.shapeOf(
      most(({ prompt }) => prompt.tokens.length),
      most(({ candidates }) => candidates.length),
      most(({ candidates }) => Math.max(...candidates.map((tokens) => Math.max(0, tokens.length - 1))))
    )
    : undefined
  const { tensors } = layOut(settings, new PositionTable(settings), sequences, {
    batch,
    length,
    rows,
    visualRows: 0,
    groups
  })
  const shape: LossGraphs.BatchShape = {
    batch,
    length,
    rows,
    groups,
    visual: { kind: "none" },
    temperature: 1,
    grammarStates: undefined
  }
  const p = LossGraphs.parameterInputs(settings)
  const logprobs = LossGraphs.logprobs(settings, p, shape)
  const row = (name: string) => G.input(name, [rows])
  const { loss } = Objectives.groupRelative({
    logprobs,
    weights: row("weights"),
    advantages: row("advantages"),
    oldLogprobs: row("oldLogprobs"),
    reference: row("reference"),
    clipLow: G.input("clipLow", []),
    clipHigh: G.input("clipHigh", []),
    kl: G.input("klCoefficient", [])
  })
  const trained = Parameters.specs(settings).flatMap(({ name, part }) => part === "decoder" ? [p(name)] : [])
  const outputs = [logprobs, loss, ...G.Autodiff.gradients(loss, trained)]
  const feeds = { ...weights("tied"), ...fed(tensors), reference: fed(tensors)["oldLogprobs"]!, ...knobs }
  return run(outputs, feeds)
}

describe("groups", () => {
  const random = Keyed.stream(5, "groups")
  const packs: Readonly<Record<string, { readonly batch: number; readonly sequences: ReadonlyArray<PackedSequence> }>> =
    {
      "of one length": { batch: 1, sequences: [drawn(random, 7, [5, 5, 5])] },
      "of many lengths, one token among them, in a batch with an empty place": {
        batch: 3,
        sequences: [drawn(random, 9, [6, 1, 3, 17]), drawn(random, 4, [2, 8])]
      },
      "of one candidate beside those of many": {
        batch: 2,
        sequences: [drawn(random, 12, [4]), drawn(random, 3, [5, 2, 9])]
      },
      "whose prompt and candidate fill their slots": {
        batch: 2,
        sequences: [drawn(random, 16, [16, 16]), drawn(random, 1, [16])]
      }
    }
  for (const [name, { batch, sequences }] of Object.entries(packs)) {
    it(`${name}: as in one square, in float64`, () => {
      const square = computed(sequences, batch, false, evaluate) as ReadonlyArray<Value>
      const grouped = computed(sequences, batch, true, evaluate) as ReadonlyArray<Value>
      square.forEach(({ data }, i) => assert.isAtMost(relativeError(grouped[i]!.data, data), 1e-9, `output ${i}`))
    })
    it(`${name}: as in one square, in onnxruntime`, async () => {
      const square = computed(sequences, batch, false, evaluate) as ReadonlyArray<Value>
      const grouped = await computed(sequences, batch, true, Onnx.evaluate)
      square.forEach(({ data }, i) => assert.isAtMost(relativeError(grouped[i]!.data, data), 2e-5, `output ${i}`))
    })
  }

  it("are worth it where candidates are many, and one candidate is none", () => {
    const wanted = (prompt: number, candidates: ReadonlyArray<number>) => {
      const sequence = drawn(random, prompt, candidates)
      return GroupSlots.wanted([sequence], lengthOf(sequence))
    }
    assert.deepStrictEqual(wanted(75, Array.from({ length: 8 }, () => 52)), {
      prompt: 80,
      candidates: 8,
      candidate: 64
    })
    assert.isUndefined(wanted(75, [52]))
    assert.isUndefined(wanted(300, [9, 9]))
  })
})
