/** Puts the page together. */
import { Chat } from "./chat.js";
import { speak, t } from "./i18n.js";
import { readRoute, writeRoute } from "./route.js";
import { Session, SignInError, isRemembered } from "./session.js";
import { Store } from "./store.js";
import { html, oncePerFrame, render } from "./ui.js";
import { announce } from "./views/announcer.js";
import { Conversation } from "./views/conversation.js";
import { Sidebar } from "./views/sidebar.js";
import { SignIn } from "./views/signin.js";
import { lazy, loadAll } from "./views/lazy.js";
import { Thread } from "./views/thread.js";
import { Toasts } from "./views/toasts.js";

const Wire = lazy(() => import("./views/wire.js"), "Wire");
const Article = lazy(() => import("./views/article.js"), "Article");
const Search = lazy(() => import("./views/search.js"), "Search");
const PeoplePanel = lazy(() => import("./views/people-panel.js"), "PeoplePanel");

const root = document.getElementById("app");
/** What changes by itself: seconds to wait, who has stopped typing, an answer that is not going on. */
const TICK_MS = 1_000;
const IDLE_MS = 4_000;
const TOPICS = ["channel", "channels", "connection", "opened", "panel", "people", "queue"];

function showSignIn(why = {}) {
  const { channel, invite } = readRoute();
  render(html`<${SignIn} key="signin" enter=${(name, how) => enter(name, channel, how)} invited=${Boolean(invite)} ...${why} />`, root);
}

/** `how`: "guest" for somebody who was invited and has no account. */
async function enter(name, cid, how) {
  showChat(await (how === "guest" ? Session.guest(name) : Session.start(name)), cid, readRoute().invite);
}

/** A new person means a new page: nothing of the last one stays in memory. */
function leave() {
  location.assign("/");
}

function Page({ chat }) {
  const { store } = chat;
  const { panel, active, threadId } = store;
  return html`<div class="shell" data-pane=${store.activeCid || store.view ? "chat" : "list"} data-panel=${panel}>
    <${Sidebar} chat=${chat} leave=${leave} /><${Conversation} chat=${chat} leave=${leave} />
    <aside class="panel" aria-label=${t("Side panel")}>
      ${panel === "thread" && active && html`<${Thread} key=${threadId} chat=${chat} />`}
      ${panel === "article" && html`<${Article} key=${`${store.source.messageId} ${store.source.source.file}`} chat=${chat} />`}
      ${panel === "people" && active && html`<${PeoplePanel} key=${active.cid} chat=${chat} />`}
      ${panel === "search" && html`<${Search} chat=${chat} />`}
      ${panel === "wire" && html`<${Wire} chat=${chat} />`}
    </aside>
    <${Toasts} store=${store} />
  </div>`;
}

function showChat(session, cid, invite) {
  const store = new Store();
  const chat = new Chat(session, store, cid, invite);
  const draw = () => {
    document.title = store.unreadTotal ? `(${store.unreadTotal}) Playground` : "Playground";
    render(html`<${Page} key="page" chat=${chat} />`, root);
  };
  const drawSoon = oncePerFrame(draw);
  store.on(TOPICS, drawSoon);
  store.on("wire", () => store.panel === "wire" && drawSoon());
  setInterval(drawSoon, TICK_MS);
  announce(store);
  store.on("opened", (opened) => writeRoute({ user: session.person.id, channel: opened }));
  window.addEventListener("popstate", () => {
    const route = readRoute();
    if (route.user !== session.person.id) location.reload();
    else if (route.channel) chat.openLinked(route.channel);
    else chat.closeChannel();
  });
  window.addEventListener("keydown", (event) => event.key === "Escape" && store.panel && chat.closePanel(store.panel));
  writeRoute({ user: session.person.id, channel: cid }, true);
  if (cid) store.activeCid = cid;
  draw();
  chat.start();
  setTimeout(loadAll, IDLE_MS);
}

async function main() {
  await speak();
  const route = readRoute();
  if (!route.user) return showSignIn();
  // Any page can lead here by a link. Nobody is signed in by it who never was in this browser.
  if (!isRemembered(route.user)) return showSignIn({ asked: route.user });
  try {
    await enter(route.user, route.channel);
  } catch (error) {
    if (!(error instanceof SignInError)) throw error;
    showSignIn({ problem: error.message });
  }
}

main();
