import { BlockList, isIPv4 } from 'node:net';
import { addressOf, rangeOf } from '../contracts/address.ts';
import type { ZkSession } from './session.ts';
import { Setting } from './setting.ts';
import type { Parsed, Parser } from './values.ts';

/**
 * Who is let through and who is kept out, edited by operators while the sale runs:
 *
 *   /lists/block/users    one user id a line
 *   /lists/block/ips      one address or range (CIDR) a line
 *   /lists/block/agents   one piece of a User-Agent a line, upper and lower case alike
 *   /lists/allow/…        the same three; who is on them is neither blocked nor limited
 *
 * Empty lines and what follows a `#` count for nothing. A deleted list is empty. A list with one bad
 * line is refused as a whole, and the last good one stays.
 */

const TEXT_LENGTH_MAX = 200_000;
const ENTRIES_MAX = 10_000;
const ENTRY_LENGTH_MAX = 128;
/** Shorter pieces of a User-Agent would match nearly everybody. */
const AGENT_LENGTH_MIN = 3;

/** Who asks, as far as it is known. */
export interface Visitor {
  readonly userId?: string;
  readonly ip: string;
  readonly agent: string | undefined;
}

export interface Lists {
  isBlocked(visitor: Visitor): boolean;
  isAllowed(visitor: Visitor): boolean;
}

function entriesOf(text: string): Parsed<string[]> {
  if (text.length > TEXT_LENGTH_MAX) {
    return { ok: false, reason: `it has more than ${TEXT_LENGTH_MAX} characters` };
  }
  const entries = text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
  if (entries.length > ENTRIES_MAX) {
    return {
      ok: false,
      reason: `it has ${entries.length} entries, at most ${ENTRIES_MAX} are read`,
    };
  }
  const long = entries.find((entry) => entry.length > ENTRY_LENGTH_MAX);
  if (long === undefined) return { ok: true, value: entries };
  const start = JSON.stringify(long.slice(0, 40));
  return { ok: false, reason: `${start}… has more than ${ENTRY_LENGTH_MAX} characters` };
}

export const parseUsers: Parser<ReadonlySet<string>> = (text) => {
  const entries = entriesOf(text);
  return entries.ok ? { ok: true, value: new Set(entries.value) } : entries;
};

export const parseAgents: Parser<readonly string[]> = (text) => {
  const entries = entriesOf(text);
  if (!entries.ok) return entries;
  const short = entries.value.find((entry) => entry.length < AGENT_LENGTH_MIN);
  if (short !== undefined) {
    const reason = `${JSON.stringify(short)} is shorter than ${AGENT_LENGTH_MIN} characters`;
    return { ok: false, reason };
  }
  return { ok: true, value: entries.value.map((entry) => entry.toLowerCase()) };
};

export const parseAddresses: Parser<BlockList> = (text) => {
  const entries = entriesOf(text);
  if (!entries.ok) return entries;
  const value = new BlockList();
  for (const entry of entries.value) {
    const range = rangeOf(entry);
    if (range === undefined) {
      const reason = `${JSON.stringify(entry.slice(0, 60))} is no address and no range (10.0.0.0/8)`;
      return { ok: false, reason };
    }
    value.addSubnet(range.address, range.bits, range.family);
  }
  return { ok: true, value };
};

const LIST_KINDS = ['allow', 'block'] as const;
export type ListKind = (typeof LIST_KINDS)[number];

interface OneKind {
  readonly users: Setting<ReadonlySet<string>>;
  readonly ips: Setting<BlockList>;
  readonly agents: Setting<readonly string[]>;
}

/** The lists as they stand in ZooKeeper; each process follows them like every other edit. */
export class ListSettings implements Lists {
  /** The nodes above the lists. */
  readonly folders: readonly string[];
  readonly #kinds: Readonly<Record<ListKind, OneKind>>;

  constructor(options: {
    session: ZkSession;
    root: string;
    errorPath: (path: string) => string;
    onChange: () => void;
  }) {
    const setting = <T>(path: string, parser: Parser<T>) =>
      new Setting<T>({
        session: options.session,
        path,
        errorPath: options.errorPath(path),
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
    const folder = `${options.root}/lists`;
    this.folders = [folder, ...LIST_KINDS.map((name) => `${folder}/${name}`)];
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
