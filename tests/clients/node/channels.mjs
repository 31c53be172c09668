import { collect, finish, next, person, refusal, server } from './common.mjs';

await server.upsertUsers([{ id: 'ana', name: 'Ana' }, { id: 'bob' }, { id: 'eve' }]);
const [ana, bob, eve] = await Promise.all(['ana', 'bob', 'eve'].map((id) => person(id)));

const added = next(bob, 'notification.added_to_channel');
const channel = ana.channel('messaging', 'team', { members: ['ana', 'bob'], name: 'Team', colour: 'red' });
const created = await channel.create();
const notice = await added;
const watched = await channel.watch({ presence: true });
await channel.sendMessage({ text: 'first' });
await channel.sendMessage({ text: 'second' });
const page = await channel.query({ messages: { limit: 1 } });

// A list of channels, watched: events come without another call.
const [listed] = await bob.queryChannels(
  { type: 'messaging', members: { $in: ['bob'] } },
  { last_message_at: -1 },
  { watch: true, state: true, presence: true, limit: 10 },
);
const updated = next(bob, 'channel.updated');
await channel.updatePartial({ set: { colour: 'blue' }, unset: ['name'] });
const change = await updated;

const joined = next(listed, 'member.added');
const noticed = next(eve, 'notification.added_to_channel');
await channel.addMembers(['eve']);
const [join, eveNotice] = await Promise.all([joined, noticed]);
const { members } = await channel.queryMembers({}, { created_at: 1 }, { limit: 10 });
const left = next(listed, 'member.removed');
const eveOut = next(eve, 'notification.removed_from_channel');
await channel.removeMembers(['eve']);
const [leave, eveLeave] = await Promise.all([left, eveOut]);

// A message for a member who does not watch.
await listed.stopWatching();
const quiet = collect(bob, 'message.new');
const unwatched = next(bob, 'notification.message_new');
await channel.sendMessage({ text: 'third' });
const fresh = await unwatched;

const distinct = ana.channel('messaging', { members: ['ana', 'bob'] });
await distinct.watch();
const again = bob.channel('messaging', { members: ['bob', 'ana'] });
await again.watch();

const deleted = next(ana, 'channel.deleted');
await distinct.delete();

await finish({
  created: { members: created.members.map((member) => member.user_id).sort(), colour: created.channel.colour },
  notice: { cid: notice.channel.cid, colour: notice.channel.colour },
  watched: {
    capabilities: watched.channel.own_capabilities,
    watchers: watched.watcher_count,
    config: { reactions: watched.channel.config.reactions, commands: watched.channel.config.commands.length > 0 },
  },
  page: page.messages.map((message) => message.text),
  listed: {
    cid: listed.cid,
    texts: listed.state.messages.map((message) => message.text),
    online: Object.values(listed.state.members).map((member) => member.user.online),
    unread: listed.countUnread(),
  },
  change: { colour: change.channel.colour, name: change.channel.name ?? null, seen: listed.data.colour },
  join: [join.member.user_id, eveNotice.channel.cid],
  members: members.map((member) => member.user_id).sort(),
  leave: [leave.member.user_id, eveLeave.channel.cid],
  fresh: { text: fresh.message.text, cid: fresh.cid, channel: fresh.channel.cid, unread: fresh.unread_count },
  quiet: quiet.length,
  distinct: [distinct.id === again.id, distinct.id.startsWith('!members-')],
  stranger: await refusal(eve.channel('messaging', 'team').watch()),
  deleted: (await deleted).cid === distinct.cid,
});
