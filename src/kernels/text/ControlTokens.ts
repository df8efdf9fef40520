/**
 * Texts that a tokenizer would take for its control tokens: they end a turn, open another or stand for a picture,
 * whoever wrote them.
 *
 * A list by shape and name, because a text is looked at before any model is: what Qwen and ChatML, Llama, Phi, GPT and
 * DeepSeek spell in bars, and the named ones of Llama 2, Mistral, Gemma, LLaVA and Idefics. Tokens of boxes are left
 * out: answers of Qwen2-VL hold them.
 */

const boxes = "box_start|box_end|object_ref_start|object_ref_end|quad_start|quad_end"
const named = "think|answer|s|bos|eos|pad|unk|image|video|start_of_turn|end_of_turn|end_of_utterance|tool_call"

const token = new RegExp(`<\\|(?!(?:${boxes})\\|>)[^<>|\\s]{1,64}\\|>|<｜[^<>｜]{1,64}｜>|</?(?:${named})>`, "i")

/** The first of them in a text, as it is spelled. */
export const first = (text: string): string | undefined => token.exec(text)?.[0]
