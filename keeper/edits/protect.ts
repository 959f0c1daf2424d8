import { type AclEntry, OPEN_ACL, type Protection } from '../../zk/client/protection.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { MadeNode } from './settings.ts';

/** Rights of nodes that exist already: of a whole tree, and of what is typed by hand. */

/** These credentials have no right to change the rights of a node. */
class NotAllowed extends Error {
  override name = 'NotAllowed';
}

export interface Applied {
  readonly seen: number;
  /** Nodes whose rights were, or would have to be, changed. */
  readonly changed: readonly string[];
  /** Open reports of web nodes that run without credentials: closed, they could not report. */
  readonly left: readonly string[];
}

/**
 * Gives each node below the root the rights of the table; `isLifted`: everything to everyone.
 * `isDry`: only tells what would change.
 *
 * @throws {NotAllowed}
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
    // Nodes come and go while a sale runs.
    if (!now.ok && now.error === 'no_node') continue;
    if (!now.ok || !names.ok) throw new NotAllowed(`cannot read the rights of ${path}`);
    seen++;
    waiting.push(...names.value.map((name) => `${path}/${name}`));
    if (table.isOwn(path)) {
      // Only its own session may write it; it goes with its node.
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
  const why = done.error === 'no_auth' ? 'ZK_AUTH has no right to change who may what' : done.error;
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
 * zkCli.sh makes nodes that everybody may write unless it is told otherwise: the leading keeper gives
 * those that it follows the rights that they should have had.
 */
export class Guard {
  #session: ZkSession;
  /** Transaction that made the node, by path, of those that were looked at. */
  #known = new Map<string, bigint>();

  constructor(session: ZkSession) {
    this.#session = session;
  }

  /** `nodes`: every node that operators have made. What fails is tried again the next time. */
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
