/** What a schema says of a value, over several lines, as one. */
export const oneLine = (message: string, between = " "): string => message.replaceAll(/(?<!\s)\s*\n\s*/g, between)
