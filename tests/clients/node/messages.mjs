import { finish, next, person, refusal, server } from './common.mjs';

await server.upsertUsers([{ id: 'ana' }, { id: 'bob' }]);
const [ana, bob] = await Promise.all([person('ana'), person('bob')]);
const channel = ana.channel('messaging', 'talk', { members: ['ana', 'bob'] });
await channel.watch();
const other = bob.channel('messaging', 'talk');
await other.watch();
const shown = (id) => other.state.messages.find((message) => message.id === id);

const arrived = next(other, 'message.new');
const { message } = await channel.sendMessage({
  id: 'm-1',
  text: 'one & <two>',
  mood: 'calm',
  mentioned_users: ['bob'],
  attachments: [{ type: 'image', image_url: 'https://example.com/a.png', size: 3 }],
});
const event = await arrived;

const replaced = next(other, 'message.updated');
await ana.updateMessage({ ...message, text: 'changed', mood: 'busy' });
const afterUpdate = await replaced;
const patched = next(other, 'message.updated');
await ana.partialUpdateMessage('m-1', { set: { text: 'patched', extra: { deep: 1 } }, unset: ['mood'] });
const afterPatch = await patched;
const deep = await ana.partialUpdateMessage('m-1', { set: { 'extra.deep': 2 } });

// Text that streams in: everyone sees it, nothing stores it.
const streamed = next(other, 'message.updated', (one) => one.message.generating);
await ana.ephemeralUpdateMessage('m-1', { set: { text: 'on its way', generating: true } });
const ephemeral = (await streamed).message.text;
const stored = (await ana.getMessage('m-1')).message.text;

const replied = next(other, 'message.new');
const { message: reply } = await channel.sendMessage({ text: 'a reply', parent_id: 'm-1' });
await channel.sendMessage({ text: 'also in the channel', parent_id: 'm-1', show_in_channel: true });
await replied;
const { messages: replies } = await other.getReplies('m-1', { limit: 10 });
const { messages: page } = await other.getReplies('m-1', { limit: 1, id_lt: replies[1].id });
const parent = await bob.getMessage('m-1');
const { message: quote } = await other.sendMessage({ text: 'quoting', quoted_message_id: 'm-1' });

const reacted = next(channel, 'reaction.new');
const { message: liked } = await other.sendReaction('m-1', { type: 'like', score: 2 });
const reaction = await reacted;
const swapped = next(channel, 'reaction.updated');
await other.sendReaction('m-1', { type: 'love' }, { enforce_unique: true });
await swapped;
const unique = (await bob.getMessage('m-1')).message;
const reactions = await channel.getReactions('m-1', { limit: 5 });
const unliked = next(channel, 'reaction.deleted');
await other.deleteReaction('m-1', 'love');
const without = await unliked;

const pin = next(other, 'message.updated', (one) => one.message.pinned);
await ana.pinMessage('m-1');
await pin;
const pinned = (await channel.query()).pinned_messages.map((one) => one.id);

const gone = next(other, 'message.deleted');
await ana.deleteMessage('m-1');
const tombstone = await gone;

const long = await refusal(channel.sendMessage({ text: 'x'.repeat(5001) }));
const twice = await refusal(channel.sendMessage({ id: 'm-1', text: 'again' }));
const foreign = await refusal(bob.updateMessage({ id: reply.id, text: 'not mine' }));
const many = await channel.getMessagesById([reply.id, quote.id]);

await finish({
  sent: { text: message.text, html: message.html, mood: message.mood, cid: message.cid, own: message.own_reactions },
  event: {
    text: event.message.text,
    mentioned: event.message.mentioned_users.map((user) => user.id),
    size: event.message.attachments[0].size,
    watchers: event.watcher_count,
    counts: [event.unread_count, event.total_unread_count, event.unread_channels],
    cid: event.cid,
  },
  update: [afterUpdate.message.text, afterUpdate.message.mood],
  patch: [afterPatch.message.text, afterPatch.message.mood ?? null, deep.message.extra],
  ephemeral,
  stored,
  replies: replies.map((one) => one.text),
  page: page.map((one) => one.text),
  parent: [parent.message.reply_count, parent.message.thread_participants.map((user) => user.id)],
  inChannel: other.state.messages.filter((one) => one.parent_id).map((one) => one.text),
  quote: quote.quoted_message.id,
  reaction: [reaction.reaction.type, reaction.reaction.user.id, reaction.message.reaction_groups.like.sum_scores],
  liked: [liked.reaction_counts, liked.own_reactions.map((one) => one.type)],
  unique: [unique.reaction_counts, unique.own_reactions.map((one) => one.type)],
  reactions: reactions.reactions.map((one) => one.type),
  without: without.message.reaction_counts,
  pinned,
  tombstone: [tombstone.message.type, tombstone.message.id, Boolean(shown('m-1').deleted_at)],
  refused: { long, twice, foreign },
  many: many.messages.map((one) => one.text),
});
