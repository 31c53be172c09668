import { finish, next, person, server } from './common.mjs';

await server.upsertUsers([{ id: 'ana' }, { id: 'bob' }]);
const [ana, bob] = await Promise.all([person('ana'), person('bob')]);
const channel = ana.channel('messaging', 'talk', { members: ['ana', 'bob'] });
await channel.watch();
const other = bob.channel('messaging', 'talk');
await other.watch();

const counts = [];
for (const text of ['one', 'two', 'three']) {
  const arrived = next(bob, 'message.new');
  await channel.sendMessage({ id: `m-${text}`, text });
  const event = await arrived;
  counts.push([event.unread_count, event.unread_channels]);
}
const local = other.countUnread();
const remote = await bob.getUnreadCount();
const late = await person('bob');

const read = next(channel, 'message.read');
const own = next(bob, 'notification.mark_read');
await other.markRead();
const [receipt, notice] = await Promise.all([read, own]);
const afterRead = other.countUnread();

const unread = next(bob, 'notification.mark_unread');
await other.markUnread({ message_id: 'm-two' });
const marked = await unread;
const afterUnread = other.countUnread();
await bob.markChannelsRead({ read_by_channel: {} });
const after = await bob.getUnreadCount();

const delivered = next(channel, 'message.delivered');
await bob.markChannelsDelivered({ latest_delivered_messages: [{ cid: channel.cid, id: 'm-three' }] });
const delivery = await delivered;

await finish({
  counts,
  local,
  remote: [remote.total_unread_count, remote.channels.map((one) => [one.channel_id, one.unread_count])],
  me: [late.hello.me.total_unread_count, late.hello.me.unread_channels],
  receipt: [receipt.user.id, receipt.last_read_message_id, channel.state.read.bob.last_read_message_id],
  notice: [notice.total_unread_count, notice.unread_channels, notice.channel.cid],
  afterRead,
  marked: [marked.unread_messages, marked.first_unread_message_id, afterUnread],
  cleared: after.total_unread_count,
  delivery: [delivery.user.id, delivery.last_delivered_message_id],
});
