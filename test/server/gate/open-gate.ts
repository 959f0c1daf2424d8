import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { unitFinder } from '../../../contracts/seats.ts';
import { createLog } from '../../../process/log.ts';
import { Catalogue, type SkuOnSale } from '../../../server/catalogue/catalogue.ts';
import type { SwitchState } from '../../../server/catalogue/shown-switches.ts';
import { Cooldown } from '../../../server/gate/cooldown.ts';
import { Gate } from '../../../server/gate/gate.ts';
import { Limits } from '../../../server/gate/limits.ts';
import type { Claim } from '../../../server/gate/press.ts';
import { RiskWatch } from '../../../server/gate/risk.ts';
import type { Allotment } from '../../../server/gate/steps.ts';
import { issueTicket, parseTicket, type Ticket } from '../../../server/gate/ticket.ts';
import { UsedTickets } from '../../../server/gate/used-tickets.ts';
import { rowOnSale } from '../web-node.ts';

/** The gate alone, in surroundings that a test can change. At first nothing is wrong. */

export interface GateWorld {
  row: SkuOnSale;
  state: SwitchState;
  keep: number;
  shed: 'random' | 'lottery';
  random: number;
  brokerAvailable: boolean;
  drawn: number;
  blocked: boolean;
  allowed: boolean;
}

export type OpenGate = Awaited<ReturnType<typeof openGate>>;

const RATES = { ipPerSecond: 100, userPerSecond: 100, ticketPerSecond: 3, ownPerSecond: 20 };

export async function openGate() {
  const world: GateWorld = {
    row: rowOnSale(),
    state: 'open',
    keep: 1,
    shed: 'random',
    random: 0.5,
    brokerAvailable: true,
    drawn: 0,
    blocked: false,
    allowed: false,
  };
  const ticketKey = randomBytes(32);
  const catalogue = catalogueOf(world, ticketKey);
  const limits = new Limits(RATES, () => 1);
  const cooldown = new Cooldown(10);
  const usedTickets = new UsedTickets();
  const gate = new Gate({
    catalogue,
    cooldown,
    limits,
    watch: new RiskWatch(limits, 10_000),
    usedTickets,
    identity: { userOf: (authorization) => authorization },
    finderOf: async () => unitFinder([{ row: '1', from: 1, to: 5 }]),
    allotment: allotmentOf(world),
    overload: () => (world.brokerAvailable ? undefined : 'broker'),
    random: () => world.random,
  });
  /** Reads the row of `world` again. */
  const refresh = async () => {
    await catalogue.start();
    catalogue.stop();
  };
  const ticketOf = (userId: string) => {
    const owner = { sale: world.row.sale, userId };
    return parseTicket(issueTicket(ticketKey, owner, 'TV', Date.now() + 10_000)) as Ticket;
  };
  await refresh();
  return { gate, world, catalogue, limits, cooldown, usedTickets, ticketOf, refresh };
}

/** A press without any reason for a refusal. */
export function claimOf({ world, ticketOf }: OpenGate, userId: string, ticket = ticketOf(userId)) {
  const headers = { authorization: userId, 'content-type': 'application/json' };
  const claim: Claim = {
    request: requestOf('{"quantity":1}', headers),
    sku: 'TV',
    ticket,
    row: world.row,
    requestId: ticket.id,
    isPending: false,
    signedBy: undefined,
    isRepeated: false,
    refusal: undefined,
    ip: '192.0.2.1',
    agent: undefined,
    userId,
    purchase: { quantity: 1 },
    drawn: { node: '', units: 0 },
  };
  return claim;
}

export function requestOf(body: string, headers: IncomingMessage['headers']): IncomingMessage {
  return Object.assign(Readable.from([body]), { headers }) as unknown as IncomingMessage;
}

function allotmentOf(world: GateWorld): Allotment {
  return {
    pressed() {},
    switches: { keep: () => world.keep, shed: () => world.shed },
    lists: { isBlocked: () => world.blocked, isAllowed: () => world.allowed },
    draw(_sku, units) {
      if (world.drawn + units > 1) return { drawn: false, verdict: 'quota_spent' };
      world.drawn += units;
      return { drawn: true, node: 'web-1', units };
    },
  };
}

function catalogueOf(world: GateWorld, key: Buffer): Catalogue {
  const secret = randomBytes(32);
  return new Catalogue(
    {
      async board() {
        const { sale, saleCreatedAt: createdAt, opensAt, closesAt, isCalledOff } = world.row;
        const times = {
          createdAt,
          opensAt,
          closesAt,
          isCalledOff,
          payWindowSeconds: 900,
          ticketEpoch: 1,
          presentation: {},
        };
        const sales = [{ sale, title: 'Demo', ...times, skus: [world.row] }];
        return { serverTime: new Date(), sales, missing: [] };
      },
      doorSeed: async () => undefined,
      noteDoorKey: async () => {},
      ticketKeys: async () => [{ id: 1, key, retiredAt: undefined, isRevoked: false }],
      lottery: async () => ({ secretSha256: randomBytes(32), secret, isPublic: false }),
    },
    {
      state: () => world.state,
      knowsState: () => true,
      keep: () => world.keep,
      quota: () => undefined,
      shed: () => world.shed,
      hasWaitlist: () => true,
      changes: 0,
    },
    createLog('test', 'silent'),
    10_000,
  );
}
