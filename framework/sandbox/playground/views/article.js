/** The side panel with the article that an answer is from, open at its passage. */
import { t } from "../i18n.js";
import { renderMarkdown } from "../markdown.js";
import { html, memo, useEffect, useLayoutEffect, useRef, useState } from "../ui.js";
import { titleOf } from "./sources.js";
import { PanelHead } from "./thread.js";

const AGAIN_MS = 5_000;
const GONE = 404;

/** Keyed by message and file. `store.source`: {messageId, source}. */
export function Article({ chat }) {
  const { store } = chat;
  const { messageId, source } = store.source;
  const [article, setArticle] = useState(null);
  const [problem, setProblem] = useState("");
  const online = store.connection.phase === "online";
  const load = async () => {
    try {
      const found = await chat.api.source(messageId, source.file);
      setArticle((before) => (JSON.stringify(before) === JSON.stringify(found) ? before : found));
      setProblem("");
    } catch (error) {
      if (error.status === GONE) setArticle(null);
      setProblem(error.status === GONE ? t("This article is gone. It was deleted or renamed after the answer was written.") : error.message);
    }
  };
  // It may be changed or deleted while it is read.
  useEffect(() => {
    if (!online) return undefined;
    load();
    const timer = setInterval(() => document.hidden || load(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [online]);
  useEffect(() => () => requestAnimationFrame(() => document.activeElement === document.body && document.querySelector(`#conversation [data-id="${CSS.escape(messageId)}"]`)?.focus()), []);
  return html`<section class="panel-body article" aria-label=${t("Article")}>
    <${PanelHead} title=${article?.title || titleOf(source)} closeLabel=${t("Close the article")} close=${() => chat.closePanel("article")} />
    <div class="panel-scroll" tabindex="0" role="group" aria-label=${titleOf(source)}>
      <div role="status">${problem && !article && html`<p class="article-note">${problem}</p>`}
        ${!problem && !article && html`<div class="loading"><span class="bone w60" /><span class="bone" /></div>`}</div>
      ${article && html`<${Sections} article=${article} source=${source} />`}
    </div>
  </section>`;
}

const Sections = memo(({ article, source }) => {
  const node = useRef(null);
  const at = passageOf(article.sections, source);
  useLayoutEffect(() => {
    node.current?.scrollIntoView({ block: "start" });
    node.current?.focus({ preventScroll: true });
  }, []);
  return html`<article dir="auto">
    ${article.sections.map((section, index) => html`<section key=${index} class=${index === at ? "passage is-quoted" : "passage"} ref=${index === at ? node : null} tabindex=${index === at ? -1 : null} aria-label=${index === at ? t("The passage that was quoted") : null}>
      ${section.heading && section.heading !== article.sections[index - 1]?.heading && html`<h3>${section.heading}</h3>`}
      <div class="markdown">${renderMarkdown(section.text)}</div></section>`)}
    ${article.cut && html`<p class="article-note">${t("The article goes on. This page shows its beginning.")}</p>`}
    <p class="article-file"><code>${article.file}</code></p>
  </article>`;
});

/** Which section the answer is from. An article that was changed meanwhile may have it elsewhere, or nowhere. */
function passageOf(sections, { heading = "", line = 0 }) {
  const exact = sections.findIndex((section) => section.line === line && section.heading === heading);
  return exact >= 0 ? exact : sections.findIndex((section) => section.heading === heading);
}
