/** `npm run test:costs`: counts what steps cost, says what has changed, and writes down what tests hold to. */
import { Effect } from "effect"
import { changes, read, say, write } from "./figures.ts"
import { counts } from "./scenarios.ts"

const before = read()
const after = await Effect.runPromise(counts)
const moved = changes(before, after).filter(({ after, before }) => after !== before)
console.log(moved.length === 0 ? "nothing has changed" : moved.map(say).join("\n"))
write(after)
