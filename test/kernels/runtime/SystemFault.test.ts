/** Faults of the operating system in words, made by the system itself. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { fromPlatform } from "../../../src/dsl/RunError.ts"
import * as SystemFault from "../../../src/kernels/runtime/SystemFault.ts"
import * as WeightsError from "../../../src/kernels/weights/WeightsError.ts"

const coded = (code: string, message = `${code}: something odd, open '/a/secret'`) =>
  Object.assign(new Error(message), { code })

describe("a fault of the system", () => {
  it.effect("is said in words that name the path once, by every error that reports one", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/file`, "")
      yield* fs.symlink(`${folder}/loop`, `${folder}/loop`)
      const cases = [
        [`${folder}/none`, "no such file or directory"],
        [folder, "it is a folder, expected a file"],
        [`${folder}/file/x`, "a part of the path is a file, expected a folder"],
        [`${folder}/loop`, "its links lead in a circle"],
        [`${folder}/${"n".repeat(300)}`, "the name is too long for the file system"]
      ] as const
      for (const [path, words] of cases) {
        const fault = yield* Effect.flip(fs.readFileString(path))
        assert.strictEqual(SystemFault.words(fault), words)
        const errors = [fromPlatform(path, "reading")(fault), WeightsError.fromPlatform(path, "reading")(fault)]
        for (const { message } of errors) {
          assert.include(message, words)
          assert.strictEqual(message.split(path).length, 2, message)
        }
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("says of what a file system cannot do as little as the system does", () => {
    const fault = coded("ENOTSUP", "ENOTSUP: operation not supported on socket, copyfile '/a/b'")
    assert.strictEqual(SystemFault.words(fault), "operation not supported on socket")
  })

  it("says of a full disk what was needed and what is free, also where the folder is not there yet", () => {
    const full = coded("ENOSPC", "ENOSPC: no space left on device, write")
    const about = { path: `${import.meta.dirname}/none/of/these`, needed: 12 * 2 ** 20 }
    assert.match(SystemFault.words(full, about), /^the disk is full: 12\.0 MiB needed, [\d.]+ MiB free$/)
    assert.match(SystemFault.words(full, { ...about, needed: 100 }), /^the disk is full: 0\.000 MiB needed/)
    assert.strictEqual(SystemFault.words(full), "the disk is full")
  })

  it("says how many files may be open", () => {
    assert.match(
      SystemFault.words(coded("EMFILE")),
      /the limit of this process is (\d+|Infinity); raise it with ulimit/
    )
    const worker = Object.assign(new Error("Worker initialization failure: EMFILE"), { code: "ERR_WORKER_INIT_FAILED" })
    assert.strictEqual(SystemFault.codeOf(worker), "EMFILE")
  })

  it("is said of every code that files meet, without Node's code, call and path", () => {
    const codes = "ENOSPC EDQUOT EFBIG EROFS EACCES EPERM EMFILE ENFILE ENOENT EEXIST ENOTEMPTY EISDIR ENOTDIR " +
      "ENAMETOOLONG EIO EBUSY ETXTBSY EXDEV ELOOP ENOMEM ESTALE ENXIO ENODEV"
    for (const code of codes.split(" ")) {
      const words = SystemFault.words(coded(code))
      assert.notInclude(words, code)
      assert.notInclude(words, "odd")
      assert.notInclude(words, "/a/secret")
    }
    assert.strictEqual(SystemFault.words(coded("EWEIRD")), "something odd")
    assert.strictEqual(SystemFault.words(coded("EWEIRD", "EWEIRD: odd, rename '/a' -> '/b'")), "odd")
    assert.strictEqual(SystemFault.words(new Error("else")), "else")
    assert.strictEqual(SystemFault.words("else"), "else")
    assert.strictEqual(SystemFault.codeOf({ cause: { cause: coded("EIO") } }), "EIO")
  })
})
