/** What each event on the wire changes in the store. */
import { millis } from "./clock.js";


const CHANNEL_CHANGES = {
  "message.new": addMessage,
  "message.updated": updateMessage,
  "message.undeleted": updateMessage,
  "message.deleted": deleteMessage,
  "reaction.new": (store, event, channel) => applyReaction(store, event, channel, true),
  "reaction.updated": (store, event, channel) => applyReaction(store, event, channel, true),
  "reaction.deleted": (store, event, channel) => applyReaction(store, event, channel, false),
  ...Object.fromEntries(["vote_casted", "vote_changed", "vote_removed", "updated", "closed"].map((kind) => [`poll.${kind}`, updatePoll])),
  "typing.start": startTyping,
  "typing.stop": (_store, event, channel) => channel.typing.delete(event.user?.id),
  "message.read": markRead,
  "notification.mark_read": markRead,
  "ai_indicator.update": startActivity,
  "ai_indicator.clear": endActivity,
  "ai_indicator.stop": (_store, event, channel) => {
    channel.stopAskedAt = Date.now();
  },
  "channel.updated": updateChannel,
  "channel.truncated": (_store, _event, channel) => {
    channel.messages = [];
    channel.threads.clear();
    channel.unread = 0;
  },
  "member.added": putMember,
  "member.updated": putMember,
  "member.removed": (_store, event, channel) => channel.members.delete(event.user?.id ?? event.member?.user_id),
  "user.watching.start": (store, event) => store.putUser({ ...event.user, online: true }),
};

const REACTION_FIELDS = ["latest_reactions", "reaction_counts", "reaction_groups", "reaction_scores"];
const GONE = new Set(["channel.deleted", "notification.channel_deleted", "notification.removed_from_channel", "channel.hidden"]);

export function applyEvent(store, event) {
  if (event.type === "user.presence.changed" || event.type === "user.updated") {
    store.putUser(event.user);
    store.emit("people");
    return true;
  }
  const cid = event.cid ?? event.channel?.cid;
  if (!cid || cid === "*") return true;
  const channel = store.channels.get(cid);
  if (!channel) return !(event.type === "notification.message_new" || event.type === "notification.added_to_channel");
  if (GONE.has(event.type)) {
    store.channels.delete(cid);
  } else {
    CHANNEL_CHANGES[event.type]?.(store, event, channel);
  }
  store.emit("channel", cid);
  return true;
}

function addMessage(store, event, channel) {
  const { message } = event;
  const isNew = !channel.find(message.id);
  // A reader of old messages gets the new ones when they go to the end.
  if (!channel.hasNewer || message.parent_id) channel.put({ ...message, seenAt: Date.now() });
  store.putUser(message.user);
  channel.typing.delete(message.user?.id);
  const mine = message.user?.id === store.me?.id;
  if (isNew && !mine && !message.silent && (!message.parent_id || message.show_in_channel)) {
    if (channel.unread === 0) channel.unreadSince = justBefore(message);
    channel.unread += 1;
  }
  if (message.parent_id && (isNew || mine)) store.emit("reply", { channel, parentId: message.parent_id });
  if (isNew && !mine) store.emit("arrived", { channel, message });
}

function justBefore(message) {
  return new Date(millis(message.created_at) - 1).toISOString();
}

function updateMessage(store, event, channel) {
  const { message } = event;
  const before = channel.find(message.id);
  // A message outside the pages that are loaded is not shown; it comes when its page is loaded.
  if (!before && !message.parent_id && !isRecent(channel, message)) return;
  channel.put({ ...message, text: grownText(before, message), seenAt: Date.now() });
  const activity = channel.activity.get(message.user?.id);
  if (activity) activity.at = Date.now();
  if (before?.generating && !message.generating) {
    channel.activity.delete(message.user?.id);
    channel.stopAskedAt = 0;
    store.emit("finished", { channel, message });
  }
}

/** While a text streams in, the stored message lags behind what was shown; an update for another reason (a pin, a reply) carries the stored text, which must not take words away from the reader. */
function grownText(before, message) {
  const growing = before?.generating && message.generating && typeof message.text === "string";
  return growing && before.text?.startsWith(message.text) ? before.text : message.text;
}

function isRecent(channel, message) {
  return channel.messages.length === 0 || millis(message.created_at) >= millis(channel.messages[0].created_at);
}

function deleteMessage(_store, event, channel) {
  if (event.hard_delete) channel.remove(event.message.id);
  else if (channel.find(event.message.id)) channel.put({ ...event.message, type: "deleted" });
}

function applyReaction(store, event, channel, added) {
  const before = channel.find(event.message?.id);
  if (!before) return;
  let own = before.own_reactions ?? [];
  const reaction = event.reaction ?? {};
  if ((reaction.user_id ?? reaction.user?.id ?? event.user?.id) === store.me?.id) {
    own = own.filter((other) => other.type !== reaction.type);
    if (added) own = [...own, reaction];
  }
  // Events carry nobody's own reactions, so they are taken from here; an empty list must win too.
  const counted = Object.fromEntries(REACTION_FIELDS.map((name) => [name, event.message[name]]));
  channel.put({ ...before, ...counted, own_reactions: own });
  const after = channel.find(before.id);
  if (after) after.own_reactions = own;
}

/** Events carry nobody's own votes: those are taken from here, with the change that the event tells. */
function updatePoll(store, event, channel) {
  const { poll, poll_vote: vote } = event;
  const before = channel.messages.find((message) => message.poll?.id === poll?.id);
  if (!before || !poll) return;
  let own = before.poll.own_votes ?? [];
  if (vote && (vote.user_id ?? vote.user?.id) === store.me?.id) {
    own = own.filter((one) => one.id !== vote.id);
    if (event.type !== "poll.vote_removed") own = [...own, vote];
  }
  channel.put({ ...before, poll: { ...poll, own_votes: own } });
}

function startTyping(store, event, channel) {
  if (!event.user || event.user.id === store.me?.id) return;
  store.putUser(event.user);
  channel.typing.set(event.user.id, { user: event.user, parentId: event.parent_id ?? null, at: Date.now() });
}

function markRead(store, event, channel) {
  const id = event.user?.id;
  channel.read.set(id, event.last_read_at ?? event.created_at);
  if (id === store.me?.id) channel.unread = 0;
}

function startActivity(store, event, channel) {
  store.putUser(event.user);
  const id = event.user?.id ?? "bot";
  channel.activity.set(id, { user: event.user, state: event.ai_state, messageId: event.message_id ?? null, at: Date.now() });
  if (event.ai_state === "AI_STATE_THINKING") channel.stopAskedAt = 0;
}

function endActivity(_store, event, channel) {
  channel.activity.delete(event.user?.id ?? "bot");
  channel.stopAskedAt = 0;
}

function updateChannel(_store, event, channel) {
  const { own_capabilities: capabilities } = channel.data;
  channel.data = { own_capabilities: capabilities, ...event.channel };
}

function putMember(store, event, channel) {
  const member = event.member ?? { user: event.user, user_id: event.user?.id };
  store.putUser(member.user);
  channel.members.set(member.user_id ?? member.user?.id, member);
}
