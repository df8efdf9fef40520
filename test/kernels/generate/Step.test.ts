/** Decoding one token a run, with the state in between resident, against the loop that is one graph. */
import { assert, describe, it } from "@effect/vitest"
import { prefill, step } from "../../../src/kernels/generate/index.ts"
import { OnnxWriter } from "../../../src/kernels/graph/index.ts"
import { LossGraphs } from "../../../src/kernels/train/index.ts"
import * as Onnx from "../graph/onnx.ts"
import { type Feeds, value } from "../graph/reference.ts"
import { weights } from "../models/fixture.ts"
import { grammar, loopDecode, type Options, settingsUnderTest, setup, worst } from "./cases.ts"

/** What a run leaves, under the names by which the next one asks for it. */
const left = (out: Feeds, resident: Readonly<Record<string, string>>): Feeds =>
  Object.fromEntries(Object.entries(resident).map(([output, input]) => [input, out[output]!]))

const stepDecode = async (options: Options, carried: ReadonlyArray<string> = []) => {
  const { feeds, newTokens, rows, settings, shape } = setup(options)
  const first = prefill(settings, LossGraphs.parameterInputs(settings), shape, carried)
  const one = step(settings, LossGraphs.parameterInputs(settings), shape)
  const [start, go] = [await Onnx.open(first.outputs), await Onnx.open(one.outputs)]
  const tokens = Array.from({ length: rows }, (): Array<number> => [])
  const logprobs = Array.from({ length: rows }, (): Array<number> => [])
  const given = Object.fromEntries(Object.entries(feeds).filter(([name]) => !carried.includes(name)))
  let state = left(await start.run(feeds), first.resident)
  for (let t = 0; t < newTokens; t++) {
    const out = await go.run({
      ...given,
      ...state,
      turn: value([t], []),
      uniforms: value(feeds["uniforms"]!.data.slice(t * rows, (t + 1) * rows)),
      positions: value(feeds["startPosition"]!.data.map((at) => at + t), [rows, 1])
    })
    for (let r = 0; r < rows; r++) {
      tokens[r]!.push(out["sampled"]!.data[r]!)
      logprobs[r]!.push(out["sampledLogprobs"]!.data[r]!)
    }
    state = { ...state, ...left(out, one.resident) }
  }
  await start.close()
  await go.close()
  return { tokens, logprobs }
}

describe("one token a run equals the loop, token for token", () => {
  for (const [name, options] of Object.entries(settingsUnderTest)) {
    it(name, async () => {
      const [loop, steps] = [await loopDecode(options), await stepDecode(options)]
      // The loop stops where every row has ended, and the steps here do not.
      const ends = loop.tokens.map((row) => row.indexOf(options.endOfTurn ?? NaN) + 1 || row.length)
      const cut = (rows: ReadonlyArray<ReadonlyArray<number>>) => rows.map((row, r) => row.slice(0, ends[r]))
      assert.deepStrictEqual(cut(steps.tokens), cut(loop.tokens))
      assert.isAtMost(worst(cut(steps.logprobs), cut(loop.logprobs)), 1e-5)
    })
  }

  it("under a grammar, with turns that end by several tokens", async () => {
    const free = await loopDecode({ grammar: grammar(96) })
    const options = {
      grammar: grammar(96),
      endOfTurn: free.tokens[0]![2]!,
      otherEnds: [free.tokens[1]![2]!, free.tokens[2]![3]!]
    }
    const [loop, steps] = [await loopDecode(options), await stepDecode(options)]
    const ends = [options.endOfTurn, ...options.otherEnds]
    steps.tokens.forEach((row, r) => {
      const end = loop.tokens[r]!.findIndex((token) => ends.includes(token)) + 1 || loop.turns
      assert.deepStrictEqual(row.slice(0, end), loop.tokens[r]!.slice(0, end))
    })
  })

  it("with the weights carried as state, and a turn that ends in between", async () => {
    const free = await loopDecode({})
    const options = { endOfTurn: free.tokens[0]![2]! }
    const loop = await loopDecode(options)
    const { settings, shape } = setup(options)
    const { inputs } = OnnxWriter.write(step(settings, LossGraphs.parameterInputs(settings), shape).outputs)
    const parameters = inputs.map(({ name }) => name).filter((name) => name in weights("untied"))
    assert.isAbove(parameters.length, 10)
    const steps = await stepDecode(options, parameters)
    // The loop stops where every row has ended; up to there they agree, also after the end of a row.
    steps.tokens.forEach((row, r) => {
      const end = loop.tokens[r]!.indexOf(options.endOfTurn) + 1 || loop.turns
      assert.deepStrictEqual(row.slice(0, end), loop.tokens[r]!.slice(0, end))
    })
  })
})
