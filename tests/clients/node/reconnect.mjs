import { ask, finish, next, person, server } from './common.mjs';

await server.upsertUsers([{ id: 'ana' }, { id: 'bob' }]);
const ana = await person('ana');
const channel = ana.channel('messaging', 'talk', { members: ['ana', 'bob'] });
await channel.watch();
await channel.sendMessage({ id: 'before', text: 'before the restart' });
const before = ana.wsConnection.connectionID;

const recovered = next(ana, 'connection.recovered');
await ask('restart');
await server.channel('messaging', 'talk').sendMessage({ id: 'missed', text: 'while away', user_id: 'bob' });
await recovered;
const state = channel.state.messages.map((message) => message.id);
const live = next(channel, 'message.new', (event) => event.message.id === 'live');
await server.channel('messaging', 'talk').sendMessage({ id: 'live', text: 'and on', user_id: 'bob' });
await live;

await finish({
  moved: before !== ana.wsConnection.connectionID,
  state,
  live: channel.state.messages.map((message) => message.id),
});
