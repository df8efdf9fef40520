/**
 * Chat templates are programs that come with a model. They are run here by counted steps, so that the same template
 * ends the same way on every machine, which a time limit would not give; bounds on texts and lists hold the memory.
 *
 * Rendering a conversation takes some hundreds of steps a message.
 */
import { Environment, Interpreter, Template } from "@huggingface/jinja"

/** Expressions and statements, and what they handle: an element of a list is a step, and 64 characters of a text. */
const MOST_STEPS = 2 ** 18
const CHARACTERS_PER_STEP = 64
/** Characters of a text that a template makes. */
const MOST_CHARACTERS = 2 ** 22
/** Elements of a list that a template makes. */
const MOST_ELEMENTS = 2 ** 14
/** Calls and blocks in one another. */
const DEEPEST = 500
/** Characters of a template; the longest in use have some ten thousands. */
const LONGEST = 2 ** 17
/** White space in a row, for which the library looks again from each of its characters. */
const WIDEST = 256

interface Value {
  readonly value: unknown
}
interface Statement {
  readonly type: string
}
interface Scope {
  readonly set: (name: string, value: unknown) => unknown
}
/** The library's types do not reach those who import it as a module. */
interface Runner {
  evaluate(statement: Statement | undefined, scope: Scope): Value
  run(program: unknown): Value
}
const Base: new(scope: Scope) => Runner = Interpreter

const over = (what: string): never => {
  throw new RangeError(`the template ${what}`)
}

const sizeOf = ({ value }: Value): { readonly characters: number; readonly elements: number } => ({
  characters: typeof value === "string" ? value.length : 0,
  elements: Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0
})

class Counted extends Base {
  #steps = 0
  #depth = 0
  readonly #length: number

  constructor(scope: Scope, length: number) {
    super(scope)
    this.#length = length
  }

  override evaluate(statement: Statement | undefined, scope: Scope): Value {
    if (++this.#depth > DEEPEST) over(`calls itself, or nests, more than ${DEEPEST} deep`)
    // What they hold is walked each time that they are met.
    const walked = statement?.type === "Macro" || statement?.type === "CallStatement" ? this.#length / 16 : 0
    this.#charge(1 + walked)
    const value = super.evaluate(statement, scope)
    const { characters, elements } = sizeOf(value)
    if (characters > MOST_CHARACTERS) over(`makes a text of more than ${MOST_CHARACTERS} characters`)
    if (elements > MOST_ELEMENTS) over(`makes a list of more than ${MOST_ELEMENTS} elements`)
    this.#charge(elements + characters / CHARACTERS_PER_STEP)
    this.#depth--
    return value
  }

  #charge(steps: number): void {
    this.#steps += steps
    if (this.#steps > MOST_STEPS) over(`takes more than ${MOST_STEPS} steps`)
  }
}

/** Python's `range`, refused before it is made. */
const range = (first: number, second?: number, step = 1): ReadonlyArray<number> => {
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const count = Math.max(0, Math.ceil((stop - start) / step))
  if (!Number.isInteger(count)) throw new RangeError(`range(${start}, ${stop}, ${step}) has no length`)
  if (count > MOST_ELEMENTS) over(`asks for a range of ${count}, at most ${MOST_ELEMENTS} are made`)
  return Array.from({ length: count }, (_, i) => start + i * step)
}

/** The library keeps this function to its own templates. */
const now = (format: unknown): string => new Template("{{ strftime_now(format) }}").render({ format })

const raise = (message: unknown): never => {
  throw new Error(String(message))
}

const constants = { true: true, false: false, none: null, True: true, False: false, None: null }

/**
 * Parses a template for many renderings. Both throw on a fault of the template, and on what is beyond a limit.
 */
export const parse = (template: string): (variables: Readonly<Record<string, unknown>>) => string => {
  if (template.length > LONGEST) over(`has ${template.length} characters, at most ${LONGEST} are read`)
  if (new RegExp(`\\s{${WIDEST}}`).test(template)) over(`has ${WIDEST} characters of white space in a row`)
  const { parsed } = new Template(template)
  return (variables) => {
    const scope: Scope = new Environment()
    const all = { ...constants, range, raise_exception: raise, strftime_now: now, ...variables }
    for (const [name, value] of Object.entries(all)) scope.set(name, value)
    return String(new Counted(scope, template.length).run(parsed).value)
  }
}
