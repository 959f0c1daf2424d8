import { type AclEntry, OPEN_ACL, type Protection } from '../../zk/client/protection.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { MadeNode } from './settings.ts';

/** Applies access rights to existing nodes: to a whole tree, and to nodes created by hand. */

/** The credentials have no right to change the rights of a node. */
class NotAllowed extends Error {
  override name = 'NotAllowed';
}

export interface Applied {
  readonly seen: number;
  /** Nodes whose rights were changed; in a dry run, those that would change. */
  readonly changed: readonly string[];
  /**
   * Open reports of web nodes that run without credentials. Protecting them would stop these nodes
   * from reporting.
   */
  readonly left: readonly string[];
}

/**
 * Gives each node from `root` down the rights of `table`.
 *
 * `isLifted` gives everyone all rights instead. `isDry` only lists what would change.
 *
 * @throws {NotAllowed} when the rights of a node cannot be read or changed
 */
export async function applyRights(
  session: ZkSession,
  root: string,
  table: Protection,
  { isDry = false, isLifted = false } = {},
): Promise<Applied> {
  const [changed, left]: [string[], string[]] = [[], []];
  const waiting = [root];
  let seen = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const now = await session.acl(path);
    const names = await session.children(path);
    // Nodes are created and deleted while a sale runs.
    if (!now.ok && now.error === 'no_node') continue;
    if (!now.ok || !names.ok) throw new NotAllowed(`cannot read the rights of ${path}`);
    seen++;
    waiting.push(...names.value.map((name) => `${path}/${name}`));
    if (table.isOwn(path)) {
      // Only its own session may write it; it is deleted when its web node is settled.
      if (!isLifted && isSame(now.value, OPEN_ACL)) left.push(path);
      continue;
    }
    const wanted = isLifted ? OPEN_ACL : table.aclOf(path);
    if (isSame(now.value, wanted)) continue;
    if (!isDry && !(await change(session, path, wanted))) continue;
    changed.push(path);
  }
  return { seen, changed, left };
}

async function change(session: ZkSession, path: string, acl: readonly AclEntry[]) {
  const done = await session.setAcl(path, acl);
  if (done.ok || done.error === 'no_node') return done.ok;
  const why =
    done.error === 'no_auth' ? 'ZK_AUTH has no right to change access rights' : done.error;
  throw new NotAllowed(`${path}: ${why}`);
}

function isSame(one: readonly AclEntry[], other: readonly AclEntry[]): boolean {
  const textOf = (acl: readonly AclEntry[]) =>
    acl
      .map(({ scheme, id, permissions }) => `${scheme}:${id}:${[...permissions].sort().join('')}`)
      .sort()
      .join();
  return textOf(one) === textOf(other);
}

/**
 * Nodes that zkCli.sh creates are writable by everyone by default. The leading keeper gives the
 * nodes that it follows the rights of the table.
 */
export class Guard {
  #session: ZkSession;
  /** For each checked path, the transaction that created its node. */
  #known = new Map<string, bigint>();

  constructor(session: ZkSession) {
    this.#session = session;
  }

  /**
   * Protects `nodes`, which are all nodes that operators have created. A failure is tried again on
   * the next call.
   */
  async protect(protection: Protection, nodes: readonly MadeNode[]): Promise<void> {
    const present = new Set(nodes.map(({ path }) => path));
    for (const path of this.#known.keys()) if (!present.has(path)) this.#known.delete(path);
    for (const { path, created } of nodes) {
      if (this.#known.get(path) === created) continue;
      const now = await this.#session.acl(path);
      if (!now.ok) continue;
      const isOpen = isSame(now.value, OPEN_ACL);
      if (isOpen && !(await this.#session.setAcl(path, protection.aclOf(path))).ok) continue;
      this.#known.set(path, created);
    }
  }
}
