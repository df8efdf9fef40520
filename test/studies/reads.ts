/** A page as it reads: flags are kept in one piece by an element of their own. */
export const reads = (html: string): string => html.replace(/<span class="flag">(.*?)<\/span>/g, "$1")
