/** Tells the server what has been read: only what a person can see, and not more often than needed. */

const PAUSE_MS = 600;

export class ReadMarker {
  constructor(api, store) {
    this.api = api;
    this.store = store;
    this.atBottom = true;
    this.timer = null;
    document.addEventListener("visibilitychange", () => this.check());
  }

  sees(atBottom) {
    this.atBottom = atBottom;
    this.check();
  }

  /** Whether a message that arrives now is seen. */
  get isWatching() {
    return !document.hidden && this.atBottom && this.store.connection.phase === "online";
  }

  check() {
    const channel = this.store.active;
    if (!channel || channel.unread === 0 || this.timer || !this.isWatching) return;
    channel.unread = 0;
    this.store.emit("channel", channel.cid);
    if (!channel.may("read-events")) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      // Not worth a message to the person: the next read mark covers this one.
      this.api.markRead(channel.cid).catch(() => {});
      this.check();
    }, PAUSE_MS);
  }
}
