import { EventEmitter } from 'node:events';
import type { Request } from './connection.ts';
import type { AclEntry } from './protection.ts';
import type { AclOf, NodeKind } from './requests.ts';
import * as requests from './requests.ts';
import type { Observed, Operation, Result, Stat } from './result.ts';

/**
 * The typed calls to ZooKeeper. None rejects; each ends within its deadline and reports a failure
 * as a value.
 */
export abstract class Calls<
  Events extends Record<keyof Events, unknown[]>,
> extends EventEmitter<Events> {
  protected abstract readonly aclOf: AclOf;

  /**
   * @param passesLeader a successful answer proves that the leader of the ensemble considers the
   *   session alive
   * @param path for messages
   */
  protected abstract call(
    request: Request,
    passesLeader: boolean,
    path: string,
  ): Promise<Result<unknown>>;

  async get(path: string, onEvent?: () => void): Promise<Result<Observed>> {
    return (await this.call(requests.get(path, onEvent), false, path)) as Result<Observed>;
  }

  /** Returns the node's stat; undefined when the node does not exist. */
  async exists(path: string, onEvent?: () => void): Promise<Result<Stat | undefined>> {
    return (await this.call(requests.exists(path, onEvent), false, path)) as Result<
      Stat | undefined
    >;
  }

  async children(path: string, onEvent?: () => void): Promise<Result<string[]>> {
    return (await this.call(requests.children(path, onEvent), false, path)) as Result<string[]>;
  }

  /** @param version the expected version; -1 writes whatever the current version is */
  async set(path: string, text: string, version: number): Promise<Result<Stat>> {
    return (await this.call(requests.set(path, text, version), true, path)) as Result<Stat>;
  }

  /** Returns the created path. With `sequential`, ZooKeeper appends ten digits. */
  async create(path: string, text: string, kind: NodeKind = {}): Promise<Result<string>> {
    const request = requests.create(path, text, kind, this.aclOf(path));
    return (await this.call(request, true, path)) as Result<string>;
  }

  async delete(path: string, version = -1): Promise<Result<void>> {
    return (await this.call(requests.remove(path, version), true, path)) as Result<void>;
  }

  /**
   * Performs all operations or none. On failure, returns the error of the first operation that
   * failed.
   */
  async multi(operations: readonly Operation[]): Promise<Result<void>> {
    const last = operations.at(-1)?.path ?? '';
    return (await this.call(requests.multi(operations, this.aclOf), true, last)) as Result<void>;
  }

  /** The access control list of the node. */
  async acl(path: string): Promise<Result<AclEntry[]>> {
    return (await this.call(requests.getAcl(path), false, path)) as Result<AclEntry[]>;
  }

  async setAcl(path: string, acl: readonly AclEntry[]): Promise<Result<void>> {
    return (await this.call(requests.setAcl(path, acl), true, path)) as Result<void>;
  }

  /** Creates the node and its parents where they are missing. Existing nodes are unchanged. */
  async ensure(path: string, text = ''): Promise<Result<void>> {
    const found = await this.exists(path);
    if (!found.ok) return found;
    if (found.value) return { ok: true, value: undefined };
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '') {
      const made = await this.ensure(parent);
      if (!made.ok) return made;
    }
    const made = await this.create(path, text);
    if (made.ok || made.error === 'node_exists') return { ok: true, value: undefined };
    return made;
  }
}
