import { finish, next, person, server } from './common.mjs';

// What a person does with channels and people beside talking.
await server.upsertUsers([{ id: 'ana' }, { id: 'bob' }]);
const [ana, bob] = await Promise.all([person('ana'), person('bob')]);
const channel = ana.channel('messaging', 'talk', { members: ['ana', 'bob'] });
await channel.watch();
const other = bob.channel('messaging', 'talk');
await other.watch();
await channel.sendMessage({ id: 'root', text: 'question' });
const mine = { members: { $in: ['ana'] } };
const listed = async (filter) => (await ana.queryChannels({ ...mine, ...filter })).map((one) => one.id);

const hidden = next(ana, 'channel.hidden');
await channel.hide();
await hidden;
const whileHidden = await listed({});
const visible = next(ana, 'channel.visible');
await channel.show();
await visible;
const muted = next(ana, 'notification.channel_mutes_updated');
await channel.mute();
await muted;
const quiet = channel.muteStatus().muted;
await channel.unmute();
await channel.pin();
const pinned = await listed({ pinned: true });
await channel.archive();
const archived = await listed({ archived: true });

const mutes = next(ana, 'notification.mutes_updated');
await ana.muteUser('bob');
const silenced = (await mutes).me.mutes.map((one) => one.target.id);
await ana.blockUser('bob');
const { blocks } = await ana.getBlockedUsers();
await ana.unBlockUser('bob');
const banned = next(bob, 'user.banned');
await server.banUser('bob', { banned_by_id: 'ana', channel_cid: channel.cid, timeout: 60, reason: 'rude' });
const ban = await banned;
const flag = await bob.flagMessage('root');

await channel.sendMessage({ text: 'answer', parent_id: 'root' });
const { threads } = await ana.queryThreads({ watch: false });
const thread = threads[0].state.getLatestValue();

const { poll } = await ana.createPoll({ name: 'Lunch?', options: [{ text: 'Soup' }, { text: 'Salad' }] });
await channel.sendMessage({ id: 'poll', text: '', poll_id: poll.id });
const cast = next(other, 'poll.vote_casted');
await ana.castPollVote('poll', poll.id, { option_id: poll.options[0].id });
const vote = await cast;

await channel.createDraft({ text: 'half a thought' });
const { draft } = await channel.getDraft();
await ana.createReminder({ messageId: 'root', remind_at: new Date(Date.now() + 3600e3).toISOString() });
const { reminders } = await ana.queryReminders();
await ana.addDevice('phone', 'firebase');
const { devices } = await ana.getDevices();

const truncated = next(other, 'channel.truncated');
await channel.truncate();
await truncated;

await finish({
  hidden: [whileHidden, await listed({})],
  quiet,
  pinned,
  archived,
  silenced,
  blocks: blocks.map((one) => one.blocked_user_id),
  ban: [ban.user.id, ban.cid, ban.reason],
  flag: flag.flag.target_message_id,
  thread: [thread.parentMessage.id, thread.replies.map((one) => one.text), thread.replyCount],
  vote: [vote.poll.name, vote.poll.vote_count, vote.poll_vote.user_id],
  draft: draft.message.text,
  reminders: reminders.map((one) => one.message_id),
  devices: devices.map((one) => one.id),
  truncated: other.state.messages.length,
});
