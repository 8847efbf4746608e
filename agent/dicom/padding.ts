/** Without spaces and NULs on either side. By hand: `trim` takes more, and a pattern would backtrack. */
export function trimPadding(text: string): string {
  let start = 0
  while (start < text.length && isPadding(text.charCodeAt(start))) start++
  return trimPaddingEnd(text.slice(start))
}

export function trimPaddingEnd(text: string): string {
  let end = text.length
  while (end > 0 && isPadding(text.charCodeAt(end - 1))) end--
  return text.slice(0, end)
}

function isPadding(code: number): boolean {
  return code === 0x20 || code === 0
}
