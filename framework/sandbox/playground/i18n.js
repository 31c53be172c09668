/** The page's own sentences, in the reader's language. The English sentence is the key; what has no translation stays English. */

const TRANSLATED = ["de", "es", "fr"];
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);
let sentences = {};

/** Load the sentences of the first language that the reader's browser names, before anything is drawn. */
export async function speak(languages = navigator.languages) {
  const language = languages[0]?.slice(0, 2).toLowerCase() ?? "en";
  document.documentElement.dir = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
  if (!TRANSLATED.includes(language)) return;
  try {
    sentences = (await import(`./locales/${language}.js`)).default;
    document.documentElement.lang = language;
  } catch {
    // A file that does not come: the page is English then.
  }
}

/** A sentence with its `{names}` filled in. */
export function t(sentence, values = {}) {
  return (sentences[sentence] ?? sentence).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** One of two sentences, by a number. Both may name it as `{n}`. */
export function tn(one, many, n) {
  return t(n === 1 ? one : many, { n });
}

/** Names as a list: "Ann, Ben and Carl". */
export function listed(names) {
  return new Intl.ListFormat(document.documentElement.lang).format(names);
}
