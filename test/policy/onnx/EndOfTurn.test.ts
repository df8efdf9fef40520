/** Where turns end: what a directory lists, what its template writes, and what is made of both. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Objective, OnnxPolicy, Policy } from "../../../src/policy/index.ts"
import * as Model from "../../../src/policy/onnx/Model.ts"
import { sharing } from "../workers.ts"
import { prompts } from "./pictures.ts"

const runtime = sharing()

const scene = "assets/scene-vl"
const json = (file: string) => JSON.parse(fs.readFileSync(file, "utf8"))

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "turns-"))),
  (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true }))
)

interface Changes {
  /** `null` removes the file. */
  readonly generation?: object | null
  readonly config?: object
  /** Fields of `text_config`, which then holds all others too. */
  readonly text?: object
  readonly template?: string
}

/** A copy of the embedded checkpoint that says other things about its turns. */
const changed = ({ config = {}, generation, template, text }: Changes) =>
  Effect.map(folder, (dir) => {
    const copy = path.join(dir, "model")
    fs.cpSync(scene, copy, { recursive: true })
    const write = (name: string, value: object) => fs.writeFileSync(path.join(copy, name), JSON.stringify(value))
    const whole = { ...json(path.join(copy, "config.json")), ...config }
    write("config.json", { ...whole, ...(text && { text_config: { ...whole, ...text } }) })
    if (generation === null) fs.rmSync(path.join(copy, "generation_config.json"))
    else if (generation !== undefined) write("generation_config.json", generation)
    if (template !== undefined) fs.writeFileSync(path.join(copy, "chat_template.jinja"), template)
    return copy
  })

const load = (directory: string) => Model.load(directory, { trainable: "none", seed: 0 })
const run = <A, E>(effect: Effect.Effect<A, E, never>) => effect as Effect.Effect<A, unknown>
const scoped = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  run(effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer)) as Effect.Effect<A, E>)

const turn = "{% for message in messages %}<|im_start|>{{ message.role }}\n{% if message.content is string %}{{ " +
  "message.content }}{% else %}{% for part in message.content %}" +
  "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif " +
  "%}{% endfor %}{% endif %}"
const ending = (end: string) =>
  `${turn}${end}\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`

describe("the end of a turn", () => {
  const swapped = { do_sample: true, eos_token_id: [0, 2] }
  const cases: ReadonlyArray<readonly [name: string, changes: Changes, token: number, all: ReadonlyArray<number>]> = [
    ["the checkpoint as it is", {}, 2, [2, 0]],
    ["listed the other way round", { generation: swapped }, 2, [2, 0]],
    ["one id", { generation: { eos_token_id: 2 } }, 2, [2]],
    [
      "listed by config.json besides",
      { generation: { eos_token_id: 0 }, config: { eos_token_id: [2, 6] } },
      2,
      [2, 0, 6]
    ],
    [
      "listed by text_config alone",
      { generation: null, config: { eos_token_id: null }, text: { eos_token_id: [0, 5] } },
      2,
      [2, 0, 5]
    ],
    ["listed nowhere", { generation: {}, config: { eos_token_id: null } }, 2, [2]],
    ["a template that ends with another token", { template: ending("<|endoftext|>") }, 0, [0, 2]],
    ["a template that names it by a variable", { template: ending("{{ eos_token }}") }, 2, [2, 0]],
    ["a template that writes none", { template: ending(""), generation: swapped }, 0, [0, 2]],
    [
      "a template of plain texts",
      { template: "{% for m in messages %}{{ m.role + ': ' + m.content + '<|endoftext|>' }}{% endfor %}" },
      0,
      [0, 2]
    ],
    [
      "a template of user turns",
      {
        template: "{{ raise_exception('one turn only') if messages|length > 1 }}{{ messages[0].content }}",
        generation: swapped
      },
      0,
      [0, 2]
    ]
  ]
  for (const [name, changes, token, all] of cases) {
    it.effect(`${name}: ${token} of ${all.join(", ")}`, () =>
      scoped(
        Effect.gen(function*() {
          const { endOfTurn, ends, specials } = yield* load(yield* changed(changes))
          assert.deepStrictEqual([endOfTurn, ends], [token, all])
          for (const id of all) assert.isTrue(specials.has(id))
        })
      ))
  }

  it.effect("that is no token id is a readable error", () =>
    scoped(
      Effect.gen(function*() {
        const says = (changes: Changes) =>
          Effect.flatMap(changed(changes), (directory) =>
            Effect.map(Effect.flip(load(directory)), ({ message }) => message))
        assert.include(
          yield* says({ generation: { eos_token_id: ["<|im_end|>"] } }),
          `generation_config.json: eos_token_id is ["<|im_end|>"], expected a token id or a list of them`
        )
        assert.include(yield* says({ config: { eos_token_id: -1 } }), "config.json: eos_token_id is -1")
      })
    ))
})

describe("a saved directory", () => {
  const saved = (changes: Changes) =>
    Effect.gen(function*() {
      const from = yield* changed(changes)
      const to = path.join(yield* folder, "saved")
      yield* Model.save(yield* load(from), to)
      return { from, to }
    })
  const generation = (directory: string) => fs.readFileSync(path.join(directory, "generation_config.json"), "utf8")

  it.effect("keeps generation_config.json byte for byte where it lists every end", () =>
    scoped(
      Effect.gen(function*() {
        const { from, to } = yield* saved({ generation: { eos_token_id: [0, 2] } })
        assert.strictEqual(generation(to), generation(from))
      })
    ))

  it.effect("lists those that another file or the template brings", () =>
    scoped(
      Effect.gen(function*() {
        const of = (changes: Changes) => Effect.map(saved(changes), ({ to }) => JSON.parse(generation(to)))
        assert.deepStrictEqual(yield* of({ generation: { top_k: 3, eos_token_id: 0 } }), {
          top_k: 3,
          eos_token_id: [0, 2]
        })
        assert.deepStrictEqual(yield* of({ generation: { top_k: 3 }, config: { eos_token_id: 2 } }), {
          top_k: 3,
          eos_token_id: 2
        })
        assert.deepStrictEqual(yield* of({ generation: null, config: { eos_token_id: [0] } }), {
          bos_token_id: 0,
          pad_token_id: 0,
          eos_token_id: [2, 0]
        })
        const again = yield* saved({ template: ending("<|video_pad|>") })
        assert.deepStrictEqual((yield* load(again.to)).ends, [6, 2, 0])
        assert.deepStrictEqual(JSON.parse(generation(again.to)).eos_token_id, [2, 0, 6])
      })
    ))
})

describe("a policy", () => {
  const live = <A, E>(model: string, effect: Effect.Effect<A, E, Policy>, options: Partial<OnnxPolicy.Options> = {}) =>
    Effect.provide(
      effect,
      OnnxPolicy.layer({ model, seed: 5, ...options }).pipe(
        Layer.provide(runtime(1)),
        Layer.provide(NodeServices.layer)
      )
    )
  const requests = prompts.map((prompt, i) => ({ prompt, key: `turns/${i}` }))
  const drawn = Effect.scoped(
    Effect.gen(function*() {
      const session = yield* (yield* Policy).session
      return (yield* session.sample(requests, { count: 3, maxTokens: 24 })).flat()
    })
  )

  it.effect(
    "stops at every end that is listed, in both ways of decoding",
    () =>
      scoped(
        Effect.gen(function*() {
          const whole = yield* live(scene, drawn)
          // A token that most completions hold somewhere in the middle stands in for a listed end.
          const counts = new Map<number, number>()
          for (const { tokens } of whole) {
            for (const token of new Set(tokens.subarray(2, -2))) counts.set(token, (counts.get(token) ?? 0) + 1)
          }
          const [common = 0] = [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most))
          const directory = yield* changed({ generation: { eos_token_id: [0, common, 2] } })
          for (const decode of ["loop", "step"] as const) {
            const stopped = yield* live(directory, drawn, { decode })
            assert.isAbove(stopped.filter(({ tokens }) => tokens.at(-1) === common).length, 2)
            stopped.forEach(({ finish, text, tokens }, i) => {
              const at = whole[i]!.tokens.indexOf(common)
              assert.deepStrictEqual(
                [...tokens],
                [...(at < 0 ? whole[i]!.tokens : whole[i]!.tokens.subarray(0, at + 1))]
              )
              assert.strictEqual(finish, [0, 2, common].includes(tokens.at(-1) ?? -1) ? "stop" : "length")
              assert.isTrue(whole[i]!.text.startsWith(text))
            })
          }
        })
      ),
    300_000
  )

  it.effect(
    "draws and learns the same in whatever order ends are listed",
    () =>
      scoped(
        Effect.gen(function*() {
          const program = Effect.gen(function*() {
            const policy = yield* Policy
            const before = yield* drawn
            yield* policy.beginStage
            const { loss } = yield* policy.update(
              Objective.Supervised({
                examples: [{ prompt: prompts[0]!, target: [{ text: "a red face", weight: 1 }] }]
              }),
              { learningRate: 1e-3 }
            )
            return { loss, endOfTurn: Option.getOrThrow(policy.tokenizer).endOfTurn, before }
          })
          const swapped = yield* changed({ generation: { eos_token_id: [0, 2] } })
          assert.deepStrictEqual(yield* live(swapped, program), yield* live(scene, program))
        })
      ),
    300_000
  )
})
