import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import * as Emotions from "../../../src/data/scenes/Emotions.ts"
import * as Scene from "../../../src/data/scenes/Scene.ts"
import { feelings, raters, reading, truth } from "../../../src/data/scenes/Truth.ts"
import { backgrounds, emotions, faces, groupOf, groups, members, objects } from "../../../src/data/scenes/World.ts"
import { js } from "../../../src/kernels/math/Divergence.ts"

const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)
const top = (values: ReadonlyArray<number>) => values.indexOf(Math.max(...values))

describe("Emotions", () => {
  it("gives every cue a distribution", () => {
    const all = [
      ...faces.map((name) => Emotions.ofFace[name]),
      ...groups.map((name) => Emotions.ofGroup[name]),
      ...backgrounds.map((name) => Emotions.ofBackground[name]),
      ...objects.map(Emotions.ofObject),
      ...Emotions.interactions.map((interaction) => interaction.feelings)
    ]
    for (const vector of all) {
      assert.strictEqual(vector.length, emotions.length)
      assert.approximately(sum(vector), 1, 1e-12)
      assert.isTrue(vector.every((share) => share >= 0))
    }
  })

  it("states interactions in which context overturns the face", () => {
    assert.isAtLeast(Emotions.interactions.length, 12)
    for (const { because, face, feelings: together } of Emotions.interactions) {
      assert.notStrictEqual(top(together), top(Emotions.ofFace[face]), because)
    }
    const pairs = new Set(Emotions.interactions.map(({ face, group }) => `${face}/${group}`))
    assert.strictEqual(pairs.size, Emotions.interactions.length)
  })

  it("reads an object nobody labelled like its affect word", () => {
    for (const group of groups) {
      for (const face of faces) {
        for (const unseen of members[group].unseen) {
          for (const seen of members[group].seen) {
            // The noise of fifteen raters is 0.035 nats.
            assert.isBelow(js(reading(face, unseen), reading(face, seen)), 0.035, `${face} with ${unseen} or ${seen}`)
          }
        }
      }
    }
  })
})

describe("Truth", () => {
  it("turns crying at a party into joy and a smile at a coffin into sadness", () => {
    const party = feelings({ face: "crying", objects: ["popper"], background: "room" })
    const coffin = feelings({ face: "smiling", objects: ["coffin"], background: "room" })
    assert.strictEqual(emotions[top(party)], "joy")
    assert.strictEqual(emotions[top(coffin)], "sadness")
    assert.strictEqual(emotions[top(feelings({ face: "crying", objects: [], background: "room" }))], "sadness")
  })

  it("does not depend on the order of the objects", () => {
    const scene = { face: "gasping", background: "night" } as const
    const a = feelings({ ...scene, objects: ["snake", "cake", "key"] })
    const b = feelings({ ...scene, objects: ["key", "snake", "cake"] })
    a.forEach((share, i) => assert.approximately(share, b[i]!, 1e-12))
  })

  it("is fifteen votes, the same ones every time, spread as the rule says", () => {
    const mean = emotions.map(() => 0)
    const expected = emotions.map(() => 0)
    const count = 2000
    for (let i = 0; i < count; i++) {
      const scene = Scene.make(3, `votes/${i}`)
      const votes = truth(scene)
      assert.deepStrictEqual(votes, truth(scene))
      assert.approximately(sum(votes), 1, 1e-12)
      for (const share of votes) assert.approximately(share * raters, Math.round(share * raters), 1e-9)
      const rule = feelings(scene)
      votes.forEach((share, k) => {
        mean[k]! += share / count
        expected[k]! += rule[k]! / count
      })
    }
    // 30,000 votes: a standard error below 0.003.
    mean.forEach((share, k) => assert.approximately(share, expected[k]!, 0.01, emotions[k]!))
  })
})

const emotag = new URL("../../../../shared/oracles/emotag1200.csv", import.meta.url)

/** Cues that EmoTag1200 has the very emoji of, by code point. */
const rated: Record<string, readonly [code: string, vector: Emotions.Feelings]> = {
  smiling: ["1F60A", Emotions.ofFace.smiling],
  laughing: ["1F602", Emotions.ofFace.laughing],
  crying: ["1F62D", Emotions.ofFace.crying],
  scowling: ["1F621", Emotions.ofFace.scowling],
  screaming: ["1F631", Emotions.ofFace.screaming],
  blank: ["1F610", Emotions.ofFace.blank],
  sleeping: ["1F634", Emotions.ofFace.sleeping],
  balloon: ["1F388", Emotions.ofObject("balloon")],
  popper: ["1F389", Emotions.ofObject("popper")],
  heart: ["1F494", Emotions.ofObject("heart")],
  poop: ["1F4A9", Emotions.ofObject("poop")]
}

describe.skipIf(!existsSync(emotag))("human ratings (EmoTag1200)", () => {
  it("are near the table", () => {
    const [header = "", ...lines] = readFileSync(emotag, "utf8").trim().split("\n")
    const column = (name: string) => header.split(",").indexOf(name)
    const rows = new Map(lines.map((line) => [line.split(",")[0], line.split(",")]))
    const human = (code: string) => {
      const row = rows.get(code)
      if (row === undefined) return assert.fail(`no row for ${code}`)
      const six = emotions.slice(0, 6).map((emotion) => Number(row[column(emotion)]))
      const seven = [...six, Math.max(0, 1 - sum(six))]
      return seven.map((value) => value / sum(seven))
    }
    const uniform = emotions.map(() => 1 / emotions.length)
    const entries = Object.entries(rated)
    const distances = entries.map(([, [code, vector]]) => js(human(code), vector))
    const mean = sum(distances) / distances.length
    const blind = sum(entries.map(([, [code]]) => js(human(code), uniform))) / entries.length
    assert.isBelow(mean, 0.15)
    assert.isBelow(mean, 0.6 * blind)
  })

  it("name the same strongest feeling for the cues whose name is theirs", () => {
    for (const name of ["smiling", "laughing", "crying", "scowling", "screaming", "popper", "heart", "poop"]) {
      const [code, vector] = rated[name]!
      const lines = readFileSync(emotag, "utf8").split("\n")
      const header = lines[0]!.split(",")
      const row = lines.find((line) => line.startsWith(`${code},`))!.split(",")
      const six = emotions.slice(0, 6).map((emotion) => Number(row[header.indexOf(emotion)]))
      assert.strictEqual(top(six), top(vector), name)
    }
    assert.strictEqual(groupOf("heart"), "mournful")
  })
})
