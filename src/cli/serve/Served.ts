/** What is served: a model with its task, the session that all requests share, and what they are held to. */
import type { Effect } from "effect"
import type { MissingQuestion } from "../../dsl/Question.ts"
import type { Form, TaskError } from "../../dsl/Task.ts"
import type { Image } from "../../kernels/image/Image.ts"
import type { ImageError } from "../../kernels/image/index.ts"
import type * as Gathered from "../../policy/Gathered.ts"
import type { PolicyError, Session, Tokenizer } from "../../policy/Policy.ts"
import type { Kind } from "../annotations/Kind.ts"
import type { Row } from "../annotations/Row.ts"
import type { Access } from "./Access.ts"
import type { Bodies } from "./Body.ts"
import type { Masks } from "./Masks.ts"
import type { Places } from "./Places.ts"

/** See above. */
export interface Served {
  /** As requests call it. */
  readonly name: string
  /** When it was loaded, in seconds since 1970. */
  readonly created: number
  /** Weights that it has. */
  readonly parameters: number
  readonly kind: Kind
  readonly form: Form
  /** Of a think-answer, in tokens, where a request says nothing. */
  readonly maxTokens: number
  /** Whether streams tell tokens as they are drawn, and not when the answer is whole. */
  readonly tokenwise: boolean
  /** Rows of a pass: more candidates than that are not drawn for one request. */
  readonly mostChoices: number
  readonly session: Session
  readonly tokenizer: Tokenizer
  readonly masks: Masks
  readonly annotate: (
    image: Image,
    question?: string
  ) => Effect.Effect<Row, ImageError | MissingQuestion | PolicyError | TaskError>
  readonly line: Gathered.Line
  readonly access: Access
  readonly bodies: Bodies
  readonly places: Places
}
