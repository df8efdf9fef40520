/** What a plug-in has to be made of. */
import { assert, describe, it } from "@effect/vitest"
import * as Task from "../../src/dsl/Task.ts"
import * as Stub from "./StubPolicy.ts"

/** Members that the types forbid: scripts in JavaScript are not held to them. */
const made = (members: Readonly<Record<string, unknown>>) =>
  Task.make({ ...Stub.Mood, ...members } as unknown as Task.Task<Stub.Label>)
const prompts = (members: Readonly<Record<string, unknown>>) => ({ prompts: { ...Stub.Mood.prompts, ...members } })
const metrics = (members: Readonly<Record<string, unknown>>) => ({
  metrics: [{ name: "error", direction: "lower", of: () => 0, ...members }]
})

describe("Task.make", () => {
  it("refuses what is no plug-in, and says which member", () => {
    const cases: ReadonlyArray<readonly [Readonly<Record<string, unknown>>, string]> = [
      [{ name: " " }, "the name is empty"],
      [{ name: undefined }, "name is undefined, expected text"],
      [{ name: "../evil/x" }, `the name is "../evil/x", expected one that a file can bear, without slashes`],
      [{ name: ".." }, `the name is "..", expected one that a file can bear, without slashes`],
      [{ name: "a\\b" }, `the name is "a\\\\b", expected one that a file can bear, without slashes`],
      [{ annotation: "text" }, "annotation is string, expected a schema such as Schema.String"],
      [{ encode: undefined }, "encode is undefined, expected a function"],
      [{ decode: null }, "decode is null, expected a function"],
      [{ similarity: 1 }, "similarity is number, expected a function"],
      [{ leaks: true }, "leaks is boolean, expected a function"],
      [{ prompts: undefined }, "prompts is undefined, expected { reason, reconstruct, annotate, answerOnly }"],
      [prompts({ reason: "why?" }), "prompts.reason is string, expected a function"],
      [prompts({ answerOnly: undefined }), "prompts.answerOnly is undefined, expected text"],
      [
        prompts({ annotate: "Look. {questoin}" }),
        "prompts.annotate holds {questoin}: did you mean {question}? That alone stands for a sample's question"
      ],
      [
        prompts({ reason: (text: string) => `${text} { Question }` }),
        "prompts.reason holds { Question }: did you mean {question}? That alone stands for a sample's question"
      ],
      [{ metrics: {} }, "metrics is object, expected a list"],
      [{ metrics: [null] }, "metrics[0] is null, expected { name, direction, of }"],
      [metrics({ name: "valid" }), `a metric is named "valid", which every task has already: give it another name`],
      [metrics({ of: 1 }), "metrics[0].of is number, expected a function"],
      [metrics({ direction: "up" }), `metrics[0].direction is "up", expected "lower" or "higher"`]
    ]
    for (const [members, reason] of cases) {
      assert.throws(() => made(members), Task.TaskError)
      try {
        made(members)
      } catch (error) {
        assert.strictEqual(error instanceof Task.TaskError && error.reason, reason)
      }
    }
  })

  it("takes any other name, and members that are left out", () => {
    for (const name of ["mood", "Mood 2", "v1.2", "気分"]) assert.strictEqual(made({ name }).name, name)
    // Other words in braces, and JSON, are the prompt's own.
    for (
      const annotate of ["Look. {question}", "Write {label} or {\"question\": 1}", "Write {suggestion} or {digestion}"]
    ) {
      assert.strictEqual(made(prompts({ annotate })).prompts.annotate, annotate)
    }
    assert.isUndefined(made({ leaks: undefined, metrics: undefined }).metrics)
  })
})
