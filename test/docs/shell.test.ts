/** Command lines of README and pages name commands, flags, scripts and files that are there. */
import { assert, describe, it } from "@effect/vitest"
import { commands, faults, linesOf, pages, spokenOf } from "./shell.ts"

describe("command lines", () => {
  const known = commands()
  const lines = pages().flatMap(([file, text]) => linesOf(file, text))
  const spoken = pages().flatMap(([file, text]) => spokenOf(file, text))

  it("are found where there are any", () => {
    assert.isAbove(known.get("train")?.size ?? 0, 30)
    assert.isAbove(lines.length, 40)
    assert.isAbove(spoken.length, 60)
    for (const place of ["README.md:", "docs/audit.md:", "docs/quick-start.md:"]) {
      assert.isTrue(lines.some((line) => line.place.startsWith(place)), place)
    }
  })

  it("name what is there", () => {
    assert.deepStrictEqual([...lines, ...spoken].flatMap((line) => faults(line, known)), [])
  })

  it("are found out where they do not", () => {
    const wrong = (text: string) => faults({ place: "x:1", text }, known)
    assert.deepStrictEqual(wrong("npx rise trian --data pictures"), ["x:1 rise trian is no command"])
    assert.deepStrictEqual(wrong("rise plan --buget 10m"), ["x:1 rise plan has no --buget"])
    assert.deepStrictEqual(wrong("cd a && npm run emotion7"), ["x:1 npm run emotion7 is no script"])
    assert.deepStrictEqual(wrong("npm run emotion6 -- --presett full"), ["x:1 examples/emotion6.ts has no --presett"])
    assert.deepStrictEqual(wrong("node bench/none.ts"), ["x:1 bench/none.ts is not there"])
    assert.deepStrictEqual(wrong("node bench/large/run.ts --modell x"), ["x:1 bench/large/run.ts has no --modell"])
    assert.deepStrictEqual(wrong("scripts/gpu.sh --devise cpu"), ["x:1 scripts/gpu.sh has no --devise"])
    assert.deepStrictEqual(wrong("A=b rm -r x"), ["x:1 rm is a program that is not known here"])
    assert.deepStrictEqual(wrong("find . -print0 | npx rise annotate - --out a > b.txt"), [])
  })
})
