import { client, finish, next, person, refusal, token } from './common.mjs';

const first = await person('ana', { name: 'Ana', favourite: 'tea' });
const asked = [];
const second = client();
await second.connectUser({ id: 'ana' }, async () => asked.push('token') && token('ana'));

// Two connections of one person both hear what happens.
const channel = first.channel('messaging', 'two-places', { members: ['ana'] });
await channel.watch();
await second.channel('messaging', 'two-places').watch();
const heard = Promise.all([next(first, 'message.new'), next(second, 'message.new')]);
await channel.sendMessage({ text: 'hello' });
const texts = (await heard).map((event) => event.message.text);

// Presence: others learn when the last connection goes, not before.
const bob = await person('bob');
await channel.addMembers(['bob']);
await bob.queryChannels({ members: { $in: ['bob'] } }, {}, { watch: true, presence: true });
const offline = next(bob, 'user.presence.changed', (event) => !event.user.online);
await second.disconnectUser();
await first.disconnectUser();
const gone = await offline;
const online = next(bob, 'user.presence.changed', (event) => event.user.online);
const back = await person('ana');
const came = await online;

const stranger = (claims) => client(claims);
const anonymous = client();
await anonymous.connectAnonymousUser();
const hour = 3600;
const now = Math.floor(Date.now() / 1000);

await finish({
  me: {
    id: first.hello.me.id,
    name: first.hello.me.name,
    favourite: first.hello.me.favourite,
    lists: ['mutes', 'channel_mutes', 'devices'].map((name) => Array.isArray(first.hello.me[name])),
    counts: ['unread_count', 'total_unread_count', 'unread_channels', 'unread_threads'].map(
      (name) => first.hello.me[name],
    ),
  },
  asked,
  texts,
  presence: [gone.user.id, gone.user.online, came.user.id, came.user.online],
  kept: back.hello.me.favourite,
  anonymous: anonymous.userID.length > 0 && Boolean(anonymous.wsConnection.connectionID),
  refused: {
    key: await refusal(stranger({ key: 'other' }).connectUser({ id: 'ana' }, token('ana'))),
    signature: await refusal(stranger().connectUser({ id: 'ana' }, `${token('ana').slice(0, -8)}AAAAAAAA`)),
    expired: await refusal(stranger().connectUser({ id: 'ana' }, token('ana', now - hour))),
    future: await refusal(stranger().connectUser({ id: 'ana' }, token('ana', now + 2 * hour, now + hour))),
  },
});
