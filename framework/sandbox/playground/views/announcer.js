/**
 * What a screen reader says: whole messages when they are complete, never single tokens.
 */
import { displayName } from "../people.js";
import { plainText } from "../plain.js";
import { activityWords } from "./activity.js";

/** @param {import("../store.js").Store} store */
export function announce(store) {
  const place = document.getElementById("announcer");
  let lastState = "";
  const say = (/** @type {string} */ text) => {
    if (place) place.textContent = text;
  };
  const sayMessage = (/** @type {{channel: any, message: any}} */ { channel, message }) => {
    if (channel !== store.active || !message.text || channel.isGenerating(message)) return;
    say(`${displayName(store.userOf(message.user))}: ${plainText(message.text)}`);
  };
  store.on("arrived", sayMessage);
  store.on("finished", sayMessage);
  store.on("channel", () => {
    const activity = store.active?.activityIn(null);
    const words = activity ? activityWords(store, activity) : "";
    if (words && words !== lastState) say(words);
    lastState = words;
  });
  store.on("connection", () => {
    const { phase } = store.connection;
    if (phase === "offline") say("You are offline.");
    if (phase === "waiting") say("Connection lost. Reconnecting.");
    if (phase === "refused") say(`Not connected. ${store.connection.reason ?? ""}`);
  });
}
