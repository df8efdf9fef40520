/**
 * Emotion6 (Peng et al. 2015): which feelings a picture evokes, as the distribution of its viewers' votes.
 *
 * Also the task of the embedded scenes and of any manifest with these seven columns.
 */
import * as Classification from "./Classification.ts"

/** Ekman's six and neutral. */
export const labels = ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"] as const

export const task = Classification.make({ name: "emotion6", labels, subject: "feelings" })
