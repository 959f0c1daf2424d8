import { BlockList, isIPv4 } from 'node:net';
import { addressOf, rangeOf } from '../../contracts/address.ts';
import type { ZkSession } from '../client/session.ts';
import { entriesOf } from './list-text.ts';
import { Setting } from './setting.ts';
import type { Parser } from './values.ts';

/**
 * The allow and block lists, which operators edit while a sale runs:
 *
 * - /lists/block/users: user ids
 * - /lists/block/ips: addresses and ranges (CIDR)
 * - /lists/block/agents: parts of a User-Agent; upper and lower case are equal
 * - /lists/allow/…: the same three; visitors on them are neither blocked nor limited
 *
 * A deleted list is empty. A list with an entry that cannot match is refused as a whole, and the
 * last valid list stays in force.
 */

/** Shorter parts of a User-Agent would match nearly everyone. */
const AGENT_LENGTH_MIN = 3;

/** The known facts about the sender of a request. */
export interface Visitor {
  readonly userId?: string;
  readonly ip: string;
  readonly agent: string | undefined;
}

export interface Lists {
  isBlocked(visitor: Visitor): boolean;
  isAllowed(visitor: Visitor): boolean;
}

export const parseUsers: Parser<ReadonlySet<string>> = (text) => {
  const entries = entriesOf(text, (entry, isQuoted) =>
    /\s/.test(entry) && !isQuoted
      ? 'has a space: separate ids by commas, or put one id in quotation marks'
      : undefined,
  );
  return entries.ok ? { ok: true, value: new Set(entries.value) } : entries;
};

export const parseAgents: Parser<readonly string[]> = (text) => {
  const entries = entriesOf(text, (entry) => {
    if (entry.length < AGENT_LENGTH_MIN) return `is shorter than ${AGENT_LENGTH_MIN} characters`;
    // Node.js reads headers as Latin-1.
    return /^[\0-\xff]*$/.test(entry) ? undefined : 'has a character that is in no User-Agent';
  });
  return entries.ok
    ? { ok: true, value: entries.value.map((entry) => entry.toLowerCase()) }
    : entries;
};

export const parseAddresses: Parser<BlockList> = (text) => {
  const entries = entriesOf(text, (entry) =>
    // A zone, as in fe80::1%eth0, has a meaning only on one machine.
    rangeOf(entry) && !entry.includes('%') ? undefined : 'is no address and no range (10.0.0.0/8)',
  );
  if (!entries.ok) return entries;
  const value = new BlockList();
  for (const entry of entries.value) {
    const range = rangeOf(entry);
    if (range) value.addSubnet(range.address, range.bits, range.family);
  }
  return { ok: true, value };
};

const LIST_KINDS = ['allow', 'block'] as const;
export type ListKind = (typeof LIST_KINDS)[number];

const PARSERS = { users: parseUsers, ips: parseAddresses, agents: parseAgents } as const;
export type ListName = `${ListKind}/${keyof typeof PARSERS}`;
export const LIST_NAMES = LIST_KINDS.flatMap((kind) =>
  (Object.keys(PARSERS) as (keyof typeof PARSERS)[]).map((what): ListName => `${kind}/${what}`),
);

/** The nodes above the lists. */
export function listFolders(root: string): string[] {
  return [`${root}/lists`, ...LIST_KINDS.map((kind) => `${root}/lists/${kind}`)];
}

/** The parser for the text of a list. */
export function parserOfList(list: ListName): Parser<unknown> {
  return PARSERS[list.slice(list.indexOf('/') + 1) as keyof typeof PARSERS];
}

interface OneKind {
  readonly users: Setting<ReadonlySet<string>>;
  readonly ips: Setting<BlockList>;
  readonly agents: Setting<readonly string[]>;
}

/** The lists in ZooKeeper. Each process follows them like every other edit. */
export class ListSettings implements Lists {
  /** The nodes above the lists. */
  readonly folders: readonly string[];
  readonly #kinds: Readonly<Record<ListKind, OneKind>>;

  constructor(options: {
    session: ZkSession;
    root: string;
    errorPath: (path: string) => string;
    lastText?: (path: string) => Promise<string | undefined>;
    onChange: () => void;
  }) {
    const setting = <T>(path: string, parser: Parser<T>) =>
      new Setting<T>({
        session: options.session,
        path,
        errorPath: options.errorPath(path),
        lastText: options.lastText,
        parser,
        isOptional: true,
        onChange: options.onChange,
      });
    const kind = (name: ListKind): OneKind => ({
      users: setting(`${options.root}/lists/${name}/users`, parseUsers),
      ips: setting(`${options.root}/lists/${name}/ips`, parseAddresses),
      agents: setting(`${options.root}/lists/${name}/agents`, parseAgents),
    });
    this.#kinds = { allow: kind('allow'), block: kind('block') };
    this.folders = listFolders(options.root);
  }

  isBlocked(visitor: Visitor): boolean {
    return isOn(this.#kinds.block, visitor) && !isOn(this.#kinds.allow, visitor);
  }

  isAllowed(visitor: Visitor): boolean {
    return isOn(this.#kinds.allow, visitor);
  }

  get settings(): Setting<unknown>[] {
    return LIST_KINDS.flatMap((kind) => Object.values(this.#kinds[kind]) as Setting<unknown>[]);
  }

  close(): void {
    for (const setting of this.settings) setting.close();
  }
}

function isOn({ users, ips, agents }: OneKind, { userId, ip, agent }: Visitor): boolean {
  if (userId !== undefined && users.value?.has(userId)) return true;
  if (isListed(ips.value, ip)) return true;
  if (agent === undefined || !agents.value?.length) return false;
  const lower = agent.toLowerCase();
  return agents.value.some((piece) => lower.includes(piece));
}

export function isListed(list: BlockList | undefined, ip: string): boolean {
  if (list === undefined || list.rules.length === 0) return false;
  const address = addressOf(ip);
  return address !== undefined && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
