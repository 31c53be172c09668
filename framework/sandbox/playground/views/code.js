/** A block of code: what it is written in, a button to copy it, and its words in a few colours. */
import { t } from "../i18n.js";
import { html, memo, useState, writeClipboard } from "../ui.js";

const WORDS = new Set(("and as async await break case catch class const continue def default del do elif else enum except export extends false final finally fn for from func function if impl import in interface is"
  + " lambda let match new nil None not null or package pass private public raise return select self static struct super switch this throw true True False try type undefined use var void where while with yield").split(" "));
const LONGEST = 20_000;
/** Comment, text, number, word. What is none of these stays as it is. */
const TOKEN = /(\/\/[^\n]*|#[^\n]*|--[^\n]*|\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\b(\d[\w.]*)|([A-Za-z_]\w*)/g;
const KINDS = ["comment", "text", "number"];

export const CodeBlock = memo(({ text, language }) => {
  const [note, say] = useState("");
  const copy = async () => {
    say((await writeClipboard(text)) ? t("Copied") : t("The browser did not allow copying."));
    setTimeout(() => say(""), 2_000);
  };
  const parts = language && text.length < LONGEST ? coloured(text, language) : text;
  return html`<div class="code">
    <div class="code-head"><span>${language}</span><button class="link-button" type="button" onClick=${copy} aria-live="polite">${note || t("Copy code")}</button></div>
    <pre tabindex="0"><code>${parts}</code></pre>
  </div>`;
});

/** The text in parts: words of programming languages, texts, numbers and comments in a colour each. */
function coloured(text, language) {
  const parts = [];
  const hash = !["js", "javascript", "ts", "c", "cpp", "java", "css", "html", "xml", "go", "rust"].includes(language);
  const dashes = ["sql", "lua", "haskell"].includes(language);
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    const kind = KINDS[[1, 2, 3].findIndex((group) => found[group] !== undefined)] ?? (WORDS.has(found[0]) ? "word" : "");
    if (!kind || (found[0][0] === "#" && !hash) || (found[0].startsWith("--") && !dashes)) continue;
    parts.push(text.slice(at, found.index), html`<span class=${`code-${kind}`}>${found[0]}</span>`);
    at = found.index + found[0].length;
  }
  return [...parts, text.slice(at)];
}
