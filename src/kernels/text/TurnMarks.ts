/**
 * How models spell the end of their turn, where a server or a decoder leaves it in the text.
 *
 * A name list, not any `<|…|>`: `<|box_end|>` ends an answer of Qwen2-VL and belongs to it.
 */

/**
 * Qwen and ChatML, Llama 3, Phi, GPT, Cohere, DeepSeek; Llama 2 and Mistral; Gemma; Idefics and SmolVLM; padding behind
 * any of them.
 */
const spelled = "<\\|(?:im_end|endoftext|end_of_text|eot_id|eom_id|eot|eos|end|return|" +
  "end_of_turn|end_of_turn_token|endofturn|pad)\\|>" +
  "|<｜end▁of▁sentence｜>|</s>|<eos>|<end_of_turn>|<end_of_utterance>|<pad>"

const atEnd = new RegExp(`(?:${spelled})$`, "i")

/** The text without the ends of turn that it closes with, and without white space around it. */
export const withoutEndOfTurn = (text: string): string => {
  let left = text.trim()
  for (let end = atEnd.exec(left.slice(-32)); end !== null; end = atEnd.exec(left.slice(-32))) {
    left = left.slice(0, -end[0].length).trimEnd()
  }
  return left
}
