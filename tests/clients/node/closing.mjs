import { ask, finish, next, person, until } from './common.mjs';

// Each code is what a server, or something between, may close with. All but 1000 bring the client back.
const codes = [1001, 1012, 4001];
const people = await Promise.all(codes.map((code) => person(`user-${code}`)));
const back = people.map((one) => next(one, 'connection.recovered'));
for (const code of codes) await ask('close', { user: `user-${code}`, code });
await Promise.all(back);

const last = await person('user-1000');
await ask('close', { user: 'user-1000', code: 1000 });
await until(() => last.wsConnection.ws.readyState === 3);
await new Promise((resolve) => setTimeout(resolve, 300));

await finish({
  healthy: people.map((one) => one.wsConnection.isHealthy),
  closed: last.wsConnection.ws.readyState === 3,
});
