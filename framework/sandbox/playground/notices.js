/** Tells of messages that arrive while nobody looks, by a notification and a sound, where the person switched it on. */
import { t } from "./i18n.js";
import { displayName } from "./people.js";
import { plainText } from "./plain.js";

const KEY = "playground.notices";
const LONGEST = 160;

export class Notices {
  constructor(store, open) {
    this.store = store;
    this.open = open;
    store.on(["arrived", "finished"], ({ channel, message }) => this.#tell(channel, message));
  }

  get on() {
    return globalThis.Notification?.permission === "granted" && read() === "on";
  }

  /** Switch it on or off; the browser asks the person once. */
  async toggle() {
    if (!globalThis.Notification) return this.store.emit("problem", t("This browser shows no notifications."));
    const turnOn = !this.on;
    if (turnOn && (await Notification.requestPermission()) !== "granted") this.store.emit("problem", t("The browser does not allow notifications for this page."));
    else write(turnOn ? "on" : "off");
    this.store.emit("people");
  }

  #tell(channel, message) {
    if (!this.on || !message.text || message.silent || channel.isGenerating(message)) return;
    if (!document.hidden && channel === this.store.active) return;
    const notice = new Notification(displayName(this.store.userOf(message.user)), { body: plainText(message.text).slice(0, LONGEST), tag: channel.cid });
    notice.onclick = () => {
      window.focus();
      this.open(channel.cid);
    };
    beep();
  }
}

/** Two short tones, made here: no file has to be loaded. */
function beep() {
  const audio = new AudioContext();
  [660, 880].forEach((frequency, index) => {
    const tone = new OscillatorNode(audio, { frequency });
    const volume = new GainNode(audio, { gain: 0.04 });
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + index * 0.12);
    tone.stop(audio.currentTime + index * 0.12 + 0.1);
    if (index) tone.onended = () => audio.close();
  });
}

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is switched off: nothing is remembered
  }
}

function write(value) {
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // It holds until the page is closed then: the browser's permission is all there is.
  }
}
