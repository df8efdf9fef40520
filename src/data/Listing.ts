/**
 * Why a folder cannot be looked into, in words: one that cannot be listed is not an empty one.
 */
import { type PlatformError, Predicate } from "effect"
import { DataError } from "../dsl/DataError.ts"

const codeOf = (cause: unknown): string =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : ""

/** What the system says. */
const reasonOf = ({ message, reason }: PlatformError.PlatformError): string => {
  if (reason._tag === "PermissionDenied") return "permission denied: give yourself the right to read it (chmod +rx)"
  switch (codeOf(reason.cause)) {
    case "EACCES":
    case "EPERM":
      return "permission denied: give yourself the right to read it (chmod +rx)"
    case "ELOOP":
      return "it is a link that leads back to itself: remove it"
    case "EMFILE":
    case "ENFILE":
      return "too many files are open: raise the limit (ulimit -n)"
    default:
      return message
  }
}

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
      : `${place === source ? "" : `${place} `}cannot be read: ${reasonOf(error)}`
  })
}
