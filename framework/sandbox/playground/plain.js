/** Markdown as one line of plain words, for previews and for reading aloud. */
export function plainText(text) {
  return text
    .replace(/!?\[([^\]\n]*)\]\([^)\n]*\)/g, "$1")
    .replace(/^\s*\|?\s*:?-{2,}.*$/gm, "")
    .replace(/^\s*(?:[-*+]|#{1,6}|>)\s+/gm, "")
    .replace(/\s*\|\s*/g, ", ")
    .replace(/[*_`~]{1,3}(?=\S)|(?<=\S)[*_`~]{1,3}/g, "")
    .replace(/\s+/g, " ")
    .replace(/^[, ]+|[, ]+$/g, "");
}
