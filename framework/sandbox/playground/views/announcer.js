/** What a screen reader says: whole messages when they are complete, never single tokens. */
import { activityWords } from "../activity.js";
import { t } from "../i18n.js";
import { displayName } from "../people.js";
import { plainText } from "../plain.js";

export function announce(store) {
  const place = document.getElementById("announcer");
  let lastState = "";
  const say = (text) => {
    place.textContent = text;
  };
  const sayMessage = ({ channel, message }) => {
    if (channel !== store.active || !message.text || channel.isGenerating(message)) return;
    say(`${displayName(store.userOf(message.user))}: ${plainText(message.text)}`);
  };
  store.on(["arrived", "finished"], sayMessage);
  store.on("channel", () => {
    const words = activityWords(store, store.active?.activityIn(null));
    if (words && words !== lastState) say(words);
    lastState = words;
  });
  store.on("connection", () => {
    const { phase, reason } = store.connection;
    if (phase === "offline") say(t("You are offline."));
    if (phase === "waiting") say(t("Connection lost. Reconnecting."));
    if (phase === "refused") say(t("Not connected: {reason}", { reason }));
  });
}
