import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import { ModelDirectory, Safetensors } from "../../../src/kernels/weights/index.ts"

const tensors: ReadonlyArray<Safetensors.NamedTensor> = [
  { name: "model.embed_tokens.weight", shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  { name: "model.norm.weight", shape: [2], data: Float32Array.of(7, 8) }
]

const files: Readonly<Record<string, string>> = {
  "config.json": JSON.stringify({ model_type: "qwen2_vl", torch_dtype: "bfloat16" }),
  "tokenizer.json": "{\"model\":{}}",
  "tokenizer_config.json": JSON.stringify({ chat_template: "from the tokenizer" }),
  "preprocessor_config.json": "{\"patch_size\":14}",
  "generation_config.json": "{\"do_sample\":false}"
}

const parent = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const make = (changes: Readonly<Record<string, string | undefined>> = {}) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = `${yield* parent}/model`
    yield* ModelDirectory.save(path, { files }, tensors)
    for (const [name, text] of Object.entries(changes)) {
      if (text === undefined) yield* fs.remove(`${path}/${name}`)
      else yield* fs.writeFileString(`${path}/${name}`, text)
    }
    return path
  })

/** Splits the weights over two shards and writes the index. */
const shard = (path: string, weightMap?: Readonly<Record<string, unknown>>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    yield* fs.remove(`${path}/model.safetensors`)
    const names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for (const [i, tensor] of tensors.entries()) yield* Safetensors.write(`${path}/${names[i]}`, [tensor])
    const map = weightMap ?? Object.fromEntries(tensors.map(({ name }, i) => [name, names[i]]))
    yield* fs.writeFileString(
      `${path}/model.safetensors.index.json`,
      JSON.stringify({ metadata: { total_size: 32 }, weight_map: map })
    )
  })

const readAll = (model: ModelDirectory.ModelDirectory) =>
  Effect.forEach(tensors, ({ name }) => {
    const location = model.tensors.get(name)
    return location === undefined ? Effect.die(`no ${name}`) : Safetensors.readFloat32(location.header, name)
  })

layer(NodeServices.layer)("ModelDirectory", (it) => {
  it.effect("opens what save wrote", () =>
    Effect.gen(function*() {
      const model = yield* ModelDirectory.open(yield* make())
      assert.deepStrictEqual(model.tokenizerJson, { model: {} })
      assert.deepStrictEqual(model.preprocessorConfig, { patch_size: 14 })
      assert.deepStrictEqual(model.generationConfig, Option.some({ do_sample: false }))
      assert.deepStrictEqual(yield* readAll(model), tensors.map(({ data }) => data))
      // The recorded type follows the stored one; anything else would be rounded on load.
      assert.deepStrictEqual(model.config, { model_type: "qwen2_vl", torch_dtype: "float32" })
    }))

  it.effect("opens sharded weights", () =>
    Effect.gen(function*() {
      const path = yield* make()
      yield* shard(path)
      const model = yield* ModelDirectory.open(path)
      assert.deepStrictEqual(yield* readAll(model), tensors.map(({ data }) => data))
      assert.strictEqual(new Set([...model.tensors.values()].map(({ header }) => header.path)).size, 2)
    }))

  const broken: ReadonlyArray<
    readonly [name: string, changes: Readonly<Record<string, string | undefined>>, says: ReadonlyArray<string>]
  > = [
    ["config.json", { "config.json": undefined }, ["config.json", "no such file", "hf download"]],
    ["tokenizer.json", { "tokenizer.json": undefined }, ["tokenizer.json", "no such file", "hf download"]],
    ["preprocessor", { "preprocessor_config.json": undefined }, ["preprocessor_config.json", "hf download"]],
    ["weights", { "model.safetensors": undefined }, ["no weights", "model.safetensors", "hf download"]],
    ["broken JSON", { "config.json": "{\"a\": 1," }, ["config.json", "not valid JSON"]],
    ["a JSON list", { "tokenizer.json": "[]" }, ["tokenizer.json", "not a JSON object", "[]"]],
    ["no template", { "tokenizer_config.json": "{}" }, ["no chat template", "chat_template.jinja"]],
    ["no default template", {
      "tokenizer_config.json": JSON.stringify({ chat_template: [{ name: "rag", template: "x" }] })
    }, ["tokenizer_config.json", "\"rag\"", "default"]],
    ["truncated weights", { "model.safetensors": "12345678" }, ["model.safetensors", "header"]]
  ]
  for (const [name, changes, says] of broken) {
    it.effect(`a directory without ${name}, or with a broken one, is a readable error`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(ModelDirectory.open(yield* make(changes)))
        assert.strictEqual(error._tag, "WeightsError")
        for (const part of says) assert.include(error.message, part)
      }))
  }

  it.effect("a path that is no directory is a readable error", () =>
    Effect.gen(function*() {
      const path = yield* make()
      assert.include((yield* Effect.flip(ModelDirectory.open(`${path}/nope`))).message, "hf download")
      assert.include((yield* Effect.flip(ModelDirectory.open(`${path}/config.json`))).message, "not a directory")
    }))

  it.effect("an index that lies is refused", () =>
    Effect.gen(function*() {
      const first = "model-00001-of-00002.safetensors"
      const cases: ReadonlyArray<readonly [Readonly<Record<string, unknown>>, string]> = [
        [{ "model.norm.weight": "../../etc/model.safetensors" }, "the shard's name is refused"],
        [{ "model.norm.weight": "/etc/model.safetensors" }, "the shard's name is refused"],
        [{ "model.norm.weight": "..\\model.safetensors" }, "the shard's name is refused"],
        [{ "model.norm.weight": "config.json" }, "the shard's name is refused"],
        [{ "model.norm.weight": 3 }, "the shard's name is refused"],
        [{ "model.norm.weight": first }, `is not in ${first}`],
        [{ "model.norm.weight": "model-00009.safetensors" }, "no such file"]
      ]
      for (const [weightMap, says] of cases) {
        const path = yield* make()
        yield* shard(path, weightMap)
        assert.include((yield* Effect.flip(ModelDirectory.open(path))).message, says)
      }
      const path = yield* make({ "model.safetensors": undefined, "model.safetensors.index.json": "{}" })
      assert.include((yield* Effect.flip(ModelDirectory.open(path))).message, "weight_map")
    }))

  it.effect("finds the chat template in the precedence of transformers", () =>
    Effect.gen(function*() {
      const template = (changes: Readonly<Record<string, string>>) =>
        Effect.map(Effect.flatMap(make(changes), ModelDirectory.open), (model) => model.chatTemplate)
      const named = [{ name: "rag", template: "no" }, { name: "default", template: "the default" }]
      const json = { "chat_template.json": JSON.stringify({ chat_template: "from the processor" }) }
      assert.strictEqual(yield* template({}), "from the tokenizer")
      assert.strictEqual(
        yield* template({ "tokenizer_config.json": JSON.stringify({ chat_template: named }) }),
        "the default"
      )
      assert.strictEqual(yield* template(json), "from the processor")
      assert.strictEqual(yield* template({ ...json, "chat_template.jinja": "from the file" }), "from the file")
    }))

  it.effect("gives every template the line ends that Jinja2 reads", () =>
    Effect.gen(function*() {
      const crlf = "{% for m in messages %}\r\n{{ m.content }}\r{% endfor %}\r\n"
      const lf = "{% for m in messages %}\n{{ m.content }}\n{% endfor %}\n"
      const inJson = JSON.stringify({ chat_template: crlf })
      for (
        const changes of [
          { "chat_template.jinja": crlf },
          { "chat_template.json": inJson },
          { "tokenizer_config.json": inJson },
          { "tokenizer_config.json": JSON.stringify({ chat_template: [{ name: "default", template: crlf }] }) }
        ]
      ) assert.strictEqual((yield* ModelDirectory.open(yield* make(changes))).chatTemplate, lf)
    }))

  it.effect("save leaves chat_template.jinja wherever the template was, and the templates beside it", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const save = Effect.fnUntraced(function*(changes: Readonly<Record<string, string>>) {
        const [from, target] = [yield* make(changes), `${yield* parent}/saved`]
        yield* ModelDirectory.save(target, { from }, tensors)
        const text = (name: string) => fs.readFileString(`${target}/${name}`)
        for (const name of Object.keys(changes)) {
          assert.strictEqual(yield* text(name), yield* fs.readFileString(`${from}/${name}`), name)
        }
        assert.strictEqual(
          (yield* ModelDirectory.open(target)).chatTemplate,
          (yield* ModelDirectory.open(from)).chatTemplate
        )
        return { names: yield* fs.readDirectory(target, { recursive: true }), text }
      })
      const templates = "additional_chat_templates"
      const json = { "chat_template.json": JSON.stringify({ chat_template: "from the processor" }) }
      const listed = [{ name: "rag", template: "documents" }, { name: "default", template: "the default" }, {
        name: "../out",
        template: "no"
      }]
      const inConfig = yield* save({})
      assert.strictEqual(yield* inConfig.text("chat_template.jinja"), "from the tokenizer")
      assert.notInclude(inConfig.names, templates)
      assert.strictEqual(yield* (yield* save(json)).text("chat_template.jinja"), "from the processor")
      assert.strictEqual(
        yield* (yield* save({ ...json, "chat_template.jinja": "from the file" })).text("chat_template.jinja"),
        "from the file"
      )
      const list = yield* save({ "tokenizer_config.json": JSON.stringify({ chat_template: listed }) })
      assert.strictEqual(yield* list.text("chat_template.jinja"), "the default")
      assert.strictEqual(yield* list.text(`${templates}/rag.jinja`), "documents")
      assert.deepStrictEqual(list.names.filter((name) => name.startsWith(`${templates}/`)), [`${templates}/rag.jinja`])
      const from = yield* make({ "chat_template.jinja": "the default" })
      yield* fs.makeDirectory(`${from}/${templates}`)
      yield* fs.writeFileString(`${from}/${templates}/rag.jinja`, "documents")
      const target = `${yield* parent}/saved`
      yield* ModelDirectory.save(target, { from }, tensors)
      assert.strictEqual(yield* fs.readFileString(`${target}/${templates}/rag.jinja`), "documents")
    }))

  it.effect("reads the image processor where transformers 5 keeps it", () =>
    Effect.gen(function*() {
      const path = yield* make({
        "preprocessor_config.json": undefined,
        "processor_config.json": JSON.stringify({ image_processor: { patch_size: 16 } })
      })
      assert.deepStrictEqual((yield* ModelDirectory.open(path)).preprocessorConfig, { patch_size: 16 })
    }))

  it.effect("save copies companions, leaves other files, and refuses an existing target", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const from = yield* make({ "README.md": "about another model", "merges.txt": "#version: 0.2" })
      const root = yield* parent
      const target = `${root}/runs/1/model`
      yield* ModelDirectory.save(target, { from, files: { "chat_template.jinja": "new" } }, tensors, { dtype: "BF16" })
      const model = yield* ModelDirectory.open(target)
      assert.strictEqual(model.chatTemplate, "new")
      assert.strictEqual(model.config["torch_dtype"], "bfloat16")
      assert.strictEqual(model.tensors.get("model.norm.weight")?.info.dtype, "BF16")
      assert.deepStrictEqual(yield* readAll(model), tensors.map(({ data }) => data))
      const names = (yield* fs.readDirectory(target)).sort()
      assert.include(names, "merges.txt")
      assert.notInclude(names, "README.md")
      const again = yield* Effect.flip(ModelDirectory.save(target, { from }, tensors))
      assert.include(again.message, "already exists")
      assert.deepStrictEqual((yield* fs.readDirectory(target)).sort(), names)
      assert.deepStrictEqual(yield* fs.readDirectory(`${root}/runs/1`), ["model"])
    }))

  it.effect("a save that fails leaves nothing behind", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* parent
      const bad = [{ name: "w", shape: [9], data: new Float32Array(1) }]
      const cases = [
        [ModelDirectory.save(`${root}/m`, { files }, bad), "do not fit its shape"],
        [ModelDirectory.save(`${root}/m`, { files: {} }, tensors), "config.json"],
        [ModelDirectory.save(`${root}/m`, { files: { ...files, "../x": "" } }, tensors), "not a plain file name"],
        [ModelDirectory.save(`${root}/m`, { from: `${root}/none` }, tensors), "no such file"]
      ] as const
      for (const [effect, says] of cases) {
        assert.include((yield* Effect.flip(effect)).message, says)
        assert.deepStrictEqual(yield* fs.readDirectory(root), [])
      }
    }))
})
