/**
 * The address of a server: as paths are put behind it, and as it is shown and recorded.
 */

/** An address without slashes at its end. */
export const withoutSlash = (address: string): string => address.replace(/(?<!\/)\/+$/, "")

/** Takes user and password, and the values of a query, out of an address, also of one that is none. */
export const shownAddress = (address: string): string =>
  address
    // In one that cannot be read, a password may hold anything.
    .replace(URL.canParse(address) ? /^([a-z][a-z0-9+.-]*:\/\/)?[^/?#]*@/i : /^([a-z]+:\/\/)?.*@/is, "$1<redacted>@")
    .replace(/([?&#;][^?=&#;]*=)[^&#;]*/g, "$1<redacted>")
