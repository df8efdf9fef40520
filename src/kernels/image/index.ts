/**
 * Images: references, decoding, and the patches that vision towers read.
 */
export * as Decode from "./Decode.ts"
export * as Image from "./Image.ts"
export { ImageError } from "./ImageError.ts"
export * as Patchify from "./Patchify.ts"
export * as Preprocess from "./Preprocess.ts"
export { resample } from "./resample.ts"
export { smartResize } from "./smartResize.ts"
