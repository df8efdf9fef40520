/**
 * Why a folder cannot be looked into, in words: one that cannot be listed is not an empty one.
 */
import type { PlatformError } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"

/** The error for a folder, or a file, that cannot be looked at. Names the one that the system refused. */
export const unreadable = (source: string) => (error: PlatformError.PlatformError): DataError => {
  const { reason } = error
  const place = "pathOrDescriptor" in reason && typeof reason.pathOrDescriptor === "string"
    ? reason.pathOrDescriptor
    : source
  return new DataError({
    source,
    reason: reason._tag === "NotFound"
      ? `no such file or folder: ${place}`
      : `${place === source ? "" : `${place} `}cannot be read: ${SystemFault.words(error)}`
  })
}
