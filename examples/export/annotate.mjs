/**
 * Asks a model that `rise export --onnx DIR` wrote about pictures, in a browser or in Node.
 *
 * @param ort onnxruntime-web or onnxruntime-node
 * @param Tokenizer of @huggingface/tokenizers
 * @param read gives a file of the folder as bytes, by its name
 */
export const open = async (ort, Tokenizer, read) => {
  const json = async (name) => JSON.parse(new TextDecoder().decode(await read(name)))
  const about = await json("rise-export.json")
  const { answer, picture, prompt } = about
  const words = new Tokenizer(await json("tokenizer.json"), await json("tokenizer_config.json"))
  const weights = [{ path: about.weights, data: await read(about.weights) }]
  const graphs = {}
  for (const [name, graph] of Object.entries(about.graphs)) {
    const session = await ort.InferenceSession.create(await read(graph.file), { externalData: weights })
    const shaped = (name, values) => new ort.Tensor(graph.inputs[name].type, values, graph.inputs[name].shape)
    graphs[name] = (feeds) =>
      session.run(Object.fromEntries(
        Object.entries(feeds).map(([name, value]) => [name, ArrayBuffer.isView(value) ? shaped(name, value) : value])
      ))
  }
  /** What a run left for the next. */
  const left = (name, out) => Object.fromEntries(Object.entries(about.graphs[name].next).map(([made, to]) => [to, out[made]]))

  const side = picture.patch * picture.merge
  /** The width and height that a picture is drawn at: sides of whole visual tokens, an area in bounds. */
  const fitted = (...size) => {
    const nearest = (x) => x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)
    const near = size.map((x) => nearest(x / side) * side)
    const [area, own] = [near[0] * near[1], size[0] * size[1]]
    return area > picture.maxPixels
      ? size.map((x) => Math.max(side, Math.floor(x / Math.sqrt(own / picture.maxPixels) / side) * side))
      : area < picture.minPixels
      ? size.map((x) => Math.ceil(x * Math.sqrt(picture.minPixels / own) / side) * side)
      : near
  }

  /** Patches of RGBA pixels, each in its slot of the tower; row, column and slot of every visual token. */
  const patches = ({ data, height, width }) => {
    const { mean, merge, patch, scale, slots, std, temporalPatch, window } = picture
    const [area, block, rows, columns] = [patch * patch, merge * merge, height / side, width / side]
    const ints = () => new Int32Array(slots)
    const feeds = { patches: new Float32Array(slots * 3 * temporalPatch * area), patchRow: ints(), patchColumn: ints(), patchFilled: ints() }
    // A tower with learned positions stretches them over the picture.
    if ("patchRows" in about.graphs.tower.inputs) {
      feeds.patchRows = Int32Array.of(rows * merge)
      feeds.patchColumns = Int32Array.of(columns * merge)
    }
    const tokens = []
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const around = Math.floor(row / window) * Math.ceil(columns / window) + Math.floor(column / window)
        const slot = (around * window + row % window) * window + column % window
        if ((slot + 1) * block > slots || prompt.before.length + rows * columns + prompt.after.length > prompt.length) {
          throw new Error(`a picture of ${width} × ${height} pixels exceeds what these graphs have room for`)
        }
        tokens.push({ row, column, slot })
        for (let k = 0; k < block; k++) {
          const at = slot * block + k
          feeds.patchRow[at] = row * merge + Math.floor(k / merge)
          feeds.patchColumn[at] = column * merge + k % merge
          feeds.patchFilled[at] = 1
          for (let i = 0; i < 3 * temporalPatch * area; i++) {
            const [channel, inside] = [Math.floor(i / (temporalPatch * area)), i % area]
            const [y, x] = [feeds.patchRow[at] * patch + Math.floor(inside / patch), feeds.patchColumn[at] * patch + inside % patch]
            const value = Math.fround(data[(y * width + x) * 4 + channel] * scale)
            feeds.patches[at * 3 * temporalPatch * area + i] = Math.fround(value - Math.fround(mean[channel])) / Math.fround(std[channel])
          }
        }
      }
    }
    return { feeds, tokens }
  }

  /** What the model says of a picture, given as the ImageData of a canvas whose size is `fitted`. */
  const annotate = async (pixels) => {
    const { feeds, tokens } = patches(pixels)
    const { visual } = await graphs.tower(feeds)
    const { after, before, imageToken, length } = prompt
    const start = before.length + Math.max(pixels.width, pixels.height) / side
    const text = visual.dims[0]
    const padded = (values, rest = 0) => Int32Array.from({ length }, (_, i) => values[i] ?? rest)
    const at = (place) => padded([...before.keys(), ...tokens.map((token) => before.length + place(token)), ...after.map((_, i) => start + i)])
    let state = left("prefill", await graphs.prefill({
      tokens: padded([...before, ...tokens.map(() => imageToken), ...after]),
      visualIndex: padded([...before.map(() => text), ...tokens.map(({ slot }) => slot)], text),
      temporal: at(() => 0),
      height: at(({ row }) => row),
      width: at(({ column }) => column),
      count: Int32Array.of(before.length + tokens.length + after.length),
      visual
    }))
    const said = []
    for (let turn = 0; turn < answer.maxTokens; turn++) {
      const out = await graphs.step({ ...state, turn: Int32Array.of(turn), positions: BigInt64Array.of(BigInt(start + after.length + turn)) })
      const [token] = out.sampled.data
      if (answer.ends.includes(token)) break
      said.push(token)
      state = { ...state, ...left("step", out) }
    }
    return said.length === 0 ? "" : words.decode(said, { skip_special_tokens: false, clean_up_tokenization_spaces: false }).trim()
  }
  return { about, annotate, fitted }
}
