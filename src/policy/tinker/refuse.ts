import { Effect } from "effect"
import { PolicyError } from "../Policy.ts"

/** What cannot be done, in words that say what to change. */
export const refuse = (operation: PolicyError["operation"], reason: string) =>
  Effect.fail(new PolicyError({ operation, reason }))

export const noGrammar = (operation: PolicyError["operation"]) =>
  refuse(operation, "a grammar cannot be sent to an engine: use grammar \"off\"; `validate` decides what is paid")
