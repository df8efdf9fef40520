/** Who judges labels, and what is to be known where it says nothing of them. */
import type { Given } from "../../evaluation/verdict.ts"
import { show } from "../../kernels/text/show.ts"
import type { AuditOptions } from "./audit.ts"

/** The judge. */
export interface Judge {
  readonly training: AuditOptions<never, never, never, never, never>["training"]
  /** What the model was before it was prepared; a server's cannot be prepared here. */
  readonly model: Given
}

/** How many labels the judge was asked about, of how many it has said nothing, and what it wrote for the first. */
export interface Unanswered {
  readonly count: number
  readonly of: number
  readonly first?: { readonly label: string; readonly wrote: string }
}

/** What to change, as a clause. */
export const next = ({ model, training }: Judge): string => {
  if (training !== "none") return "prepare it longer (another --preset, or --training RISE-CoT)"
  switch (model) {
    case "served":
      return "ask another model, or audit with the directory of this one (--model DIR), which can be prepared"
    case "taught":
      return "leave --training none out: the last stages that this model was trained with teach it to answer, and no " +
        "longer to rebuild a label from a reasoning; --training warm-up teaches that again, on the half that it does " +
        "not judge"
    case "untaught":
      return "leave --training none out, so that it is prepared on the half that it does not judge, or name a model " +
        "that was trained for this task (--model)"
  }
}

/** What has to be known where the judge has not answered. */
export const silence = ({ count, first, of }: Unanswered, judge: Judge): string =>
  `The judge could not answer for ${count} of ${of} labels: nothing that it rebuilt could be read${
    first === undefined ? "" : `; for ${show(first.label, 60)} it wrote ${show(first.wrote, 60)}`
  }. That says nothing of the labels, so they are not ranked; they are in unanswered.jsonl. ` +
  (count > of / 2
    ? "A judge that is silent on most has not learned to rebuild labels: be careful with the others, too, and "
    : "To have them judged, ") +
  `${next(judge)}.`
