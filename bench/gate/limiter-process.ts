import { randomUUID } from 'node:crypto';
import { Cooldown } from '../../server/gate/cooldown.ts';
import { Limits } from '../../server/gate/limits.ts';
import { RiskWatch } from '../../server/gate/risk.ts';
import { UsedTickets } from '../../server/gate/used-tickets.ts';

/**
 * A million users. Each has its own address, asks for a ticket and presses once, all within one window
 * of the limits. Users who press late are remembered by the risk score.
 */
const USERS = 1_000_000;
const BROWSER = { 'user-agent': 'Mozilla/5.0', accept: '*/*', 'accept-language': 'en' };

const collect = globalThis.gc ?? (() => {});
collect();
const beforeBytes = process.memoryUsage.rss();
// One token an hour, so that all users stay in the window.
const perSecond = 1 / 3_600;
const limits = new Limits(
  {
    ipPerSecond: perSecond,
    userPerSecond: perSecond,
    ticketPerSecond: perSecond,
    ownPerSecond: perSecond,
  },
  () => 1,
);
const cooldown = new Cooldown(3_600);
const watch = new RiskWatch(limits, 10_000);
const usedTickets = new UsedTickets();
const expiresAtMs = Number.MAX_SAFE_INTEGER;
for (let user = 0; user < USERS; user += 1) {
  const ip = `${1 + (user % 200)}.${(user >> 8) % 256}.${(user >> 4) % 256}.${user % 251}`;
  limits.takeIssue(ip);
  watch.assess(`user-${user}`, ip, BROWSER);
  limits.takeIp(ip);
  limits.takeUser(`user-${user}`);
  const id = randomUUID();
  limits.takeTicket(id);
  watch.pressed(`user-${user}`, 0);
  usedTickets.add({ sku: 'TV', expiresAtMs, id, signature: '' }, performance.now());
  limits.takeOwn(`user-${user}`);
  cooldown.start(`user-${user}`);
}
collect();
const megabytes = (process.memoryUsage.rss() - beforeBytes) / 1_048_576;
// The objects are used here, so that the garbage collector cannot free them earlier.
if (cooldown.remainingSeconds('user-0') < 0 || limits.takeIp('::1') < 0) {
  throw new Error('unreachable');
}
console.log(megabytes.toFixed(0));
