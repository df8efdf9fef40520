import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { GitLfs, ModelDirectory, Peft, Safetensors } from "../../../src/kernels/weights/index.ts"

const pointer = (size: number) =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize ${size}\n`
const says = (size: number) => `a Git LFS pointer in the place of a file of ${size} bytes: fetch it with git lfs pull`
const describes = (text: string) => GitLfs.describe(new TextEncoder().encode(text))

describe("GitLfs", () => {
  it("knows pointers of today, of former names, with extensions and other line ends, and nothing else", () => {
    assert.strictEqual(describes(pointer(4226888)), says(4226888))
    assert.strictEqual(describes(pointer(7).replaceAll("\n", "\r\n")), says(7))
    assert.strictEqual(
      describes(pointer(7).replace("git-lfs.github.com/spec/v1", "hawser.github.com/spec/v1")),
      says(7)
    )
    assert.strictEqual(describes(pointer(7).replace("oid", "ext-0-foo sha256:b\noid")), says(7))
    for (
      const text of [
        "",
        "version 2\nsize 3\n",
        "version https://git-lfs.github.com/spec/v1\n",
        `# ${pointer(7)}`,
        pointer(7) + "x".repeat(1024)
      ]
    ) {
      assert.isUndefined(describes(text), text)
    }
  })

  it.effect("is named wherever a model's files are opened", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped()
      const file = `${root}/model.safetensors`
      yield* fs.writeFileString(file, pointer(4226888))
      assert.strictEqual((yield* Effect.flip(Safetensors.readHeader(file))).message, `${file}: ${says(4226888)}`)
      const json = {
        "config.json": "{}",
        "tokenizer.json": "{\"model\":{}}",
        "tokenizer_config.json": "{\"chat_template\":\"x\"}",
        "preprocessor_config.json": "{}",
        "chat_template.jinja": "x",
        "adapter_config.json": "{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":1}",
        "adapter_model.safetensors": pointer(9)
      }
      for (const [name, text] of Object.entries(json)) yield* fs.writeFileString(`${root}/${name}`, text)
      assert.include((yield* Effect.flip(ModelDirectory.open(root))).message, `${file}: ${says(4226888)}`)
      assert.include((yield* Effect.flip(Peft.open(root))).message, `${root}/adapter_model.safetensors: ${says(9)}`)
      yield* fs.remove(file)
      yield* fs.writeFileString(`${root}/model-1.safetensors`, pointer(3))
      yield* fs.writeFileString(
        `${root}/model.safetensors.index.json`,
        "{\"weight_map\":{\"a\":\"model-1.safetensors\"}}"
      )
      assert.include((yield* Effect.flip(ModelDirectory.open(root))).message, `${root}/model-1.safetensors: ${says(3)}`)
      for (
        const name of [
          "preprocessor_config.json",
          "chat_template.jinja",
          "tokenizer_config.json",
          "tokenizer.json",
          "config.json"
        ]
      ) {
        yield* fs.writeFileString(`${root}/${name}`, pointer(11))
        assert.include((yield* Effect.flip(ModelDirectory.open(root))).message, `${root}/${name}: ${says(11)}`)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
