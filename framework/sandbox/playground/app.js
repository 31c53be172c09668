/**
 * Puts the page together.
 */
import { Chat } from "./chat.js";
import { h } from "./dom.js";
import { readRoute, writeRoute } from "./route.js";
import { Session, SignInError, isRemembered } from "./session.js";
import { Store } from "./store.js";
import { announce } from "./views/announcer.js";
import { conversationView } from "./views/conversation.js";
import { sidebarView } from "./views/sidebar.js";
import { signInView } from "./views/signin.js";
import { threadView } from "./views/thread.js";
import { showToasts } from "./views/toasts.js";
import { wireView } from "./views/wire.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

/** @param {{problem?: string, asked?: string}} [why] what went wrong, or the user id of an address that was opened */
function showSignIn(why = {}) {
  root.replaceChildren(signInView((name) => enter(name, readRoute().channel), why));
}

/** @param {string} name @param {string} cid */
async function enter(name, cid) {
  const session = await Session.start(name);
  showChat(session, cid);
}

/** A new person means a new page: nothing of the last one stays in memory. */
function leave() {
  location.assign("/");
}

/** @param {Session} session @param {string} cid */
function showChat(session, cid) {
  const store = new Store();
  const chat = new Chat(session, store, cid);
  const shell = h("div", { class: "shell", dataset: { pane: cid ? "chat" : "list", panel: "" } },
    h("a", { class: "skip", href: "#composer" }, "Skip to the message box"),
    sidebarView(chat, leave), conversationView(chat, leave),
    h("aside", { class: "panel", "aria-label": "Side panel" }, threadView(chat), wireView(chat)));
  root.replaceChildren(shell);
  showToasts(store);
  announce(store);
  store.on("opened", (opened) => {
    shell.dataset.pane = opened ? "chat" : "list";
    writeRoute({ user: session.person.id, channel: opened });
  });
  store.on("panel", () => {
    shell.dataset.panel = store.panel;
  });
  window.addEventListener("popstate", () => {
    const route = readRoute();
    if (route.user !== session.person.id) location.reload();
    else if (route.channel) chat.openLinked(route.channel);
    else chat.closeChannel();
  });
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && store.panel) chat.closePanel(store.panel);
  });
  writeRoute({ user: session.person.id, channel: cid }, true);
  if (cid) store.activeCid = cid;
  store.emit("opened", cid);
  chat.start();
}

async function main() {
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
