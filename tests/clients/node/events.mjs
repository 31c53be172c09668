import { collect, finish, next, person, refusal, server } from './common.mjs';

await server.upsertUsers([{ id: 'ana' }, { id: 'bob' }]);
const [ana, bob] = await Promise.all([person('ana'), person('bob')]);
const channel = ana.channel('messaging', 'talk', { members: ['ana', 'bob'] });
await channel.watch();
const other = bob.channel('messaging', 'talk');
await other.watch();
const seen = collect(other, 'typing.start', 'typing.stop');

const starts = next(other, 'typing.start');
await channel.keystroke();
const typing = await starts;
const names = Object.keys(other.state.typing);
const stops = next(other, 'typing.stop');
await channel.stopTyping();
await stops;
const inThread = next(other, 'typing.start', (event) => event.parent_id === 'm-1');
await channel.keystroke('m-1');
await inThread;

const { message } = await other.sendMessage({ id: 'answer', text: '', ai_generated: true });
const thinking = next(channel, 'ai_indicator.update');
await other.updateAIState(message.id, 'AI_STATE_THINKING');
const state = await thinking;
const cleared = next(channel, 'ai_indicator.clear');
await other.clearAIIndicator();
await cleared;
const stopped = next(other, 'ai_indicator.stop');
await channel.stopAIResponse();
const stop = await stopped;
const custom = next(other, 'order.shipped');
await channel.sendEvent({ type: 'order.shipped', order: { id: 7 } });
const shipped = await custom;
const toUser = next(bob, 'friend.asked');
await server.sendUserCustomEvent('bob', { type: 'friend.asked', from: 'ana' });
const friend = await toUser;
const banner = next(ana, 'user.updated');
await server.partialUpdateUser({ id: 'ana', set: { name: 'Ana B.' } });
const renamed = await banner;

await finish({
  typing: [typing.user.id, typing.cid, typing.parent_id ?? null],
  names,
  seen: seen.map((event) => event.type),
  state: [state.ai_state, state.message_id, state.user.id],
  stop: stop.user.id,
  shipped: [shipped.order, shipped.user.id, shipped.cid],
  friend: friend.from,
  renamed: [renamed.user.name, ana.user.name],
  reserved: await refusal(channel.sendEvent({ type: 'message.new', text: 'forged' })),
});
