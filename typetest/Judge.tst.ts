// Compiled, never run: every line under @ts-expect-error must be rejected.
import { Context, Effect, type Effect as Effects, type Layer, type Scope } from "effect"
import * as Judge from "../src/dsl/Judge.ts"
import * as Reward from "../src/dsl/Reward.ts"
import * as Task from "../src/dsl/Task.ts"
import * as Policy from "../src/policy/layers.ts"
import { type Label, Mood } from "../test/dsl/StubPolicy.ts"

class Database extends Context.Service<Database, { readonly worth: (id: string) => Effects.Effect<number, string> }>()(
  "Database"
) {}
declare const database: Layer.Layer<Database, "offline">

// A judge without needs is a field of the task; a similarity may look at what was asked, or not.
export const plain: Task.Task<Label> = Task.make({
  ...Mood,
  similarity: (truth, predicted, { image, question }) => truth === predicted && image.id !== question ? 1 : 0,
  judge: (_truth, predicted, { reasoning }) => reasoning?.includes(predicted) ? Effect.succeed(1) : Effect.fail("no")
})

const asks = (_truth: Label, _predicted: Label, { image }: Task.Turn<Label>) =>
  Effect.flatMap(Database, ({ worth }) => worth(image.id))

type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false
type Needs<X> = X extends Effects.Effect<unknown, unknown, infer R> ? R : never
type Fails<X> = X extends Effects.Effect<unknown, infer E, unknown> ? E : never

// What a judge needs is asked of the program, or given with it; then nothing is left but the scope it is built in.
export const needing = Judge.add(Mood, { judge: asks })
export const given = Judge.add(Mood, { judge: asks, layer: database })
export const served = Judge.add(Mood, {
  judge: () => Effect.as(Policy.Policy, 1),
  layer: Policy.openai({ baseUrl: "http://localhost:8000/v1", model: "m" })
})
export const needs: readonly [
  Same<Needs<typeof needing>, Database | Scope.Scope>,
  Same<Needs<typeof given>, Scope.Scope>,
  Same<Fails<typeof given>, "offline">,
  Same<Needs<typeof served>, Scope.Scope>
] = [true, true, true, true]

// A judge of the task itself needs nothing: `Judge.add` gives it what it needs.
export const fits: typeof asks extends NonNullable<Task.Task<Label>["judge"]> ? true : false = false
// @ts-expect-error a judgment is a number
Task.make({ ...Mood, judge: () => Effect.succeed("good") })
// @ts-expect-error a judgment is an effect
Task.make({ ...Mood, judge: () => 1 })
// @ts-expect-error annotations are of the task's own type
export const wrong = Judge.add(Mood, { judge: (_truth: number) => Effect.succeed(1) })
// @ts-expect-error the truth of a sample is the task's annotation
Reward.cot(Mood)({ truth: "joy", reasoning: "", reconstruction: "", sample: { truth: 3 } })
