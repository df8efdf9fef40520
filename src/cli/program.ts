/**
 * The `rise` command as the process.
 */
import * as Effect from "effect/Effect"
import { main, run } from "./process.ts"
import { root } from "./root.ts"

main(Effect.flatMap(root(process.argv.slice(2)), (command) => run(command)))
