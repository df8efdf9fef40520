/** Nobody listens at an address, or there is no such host: a matter for whoever typed it. */
export const isUnreachable = (reason: string): boolean =>
  /\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)\b/.test(reason)

/** What to do then. */
export const unreachable = "is it running, and is the address right?"
