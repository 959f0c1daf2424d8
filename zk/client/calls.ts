import { EventEmitter } from 'node:events';
import type { Request } from './connection.ts';
import type { AclEntry } from './protection.ts';
import type { AclOf, NodeKind } from './requests.ts';
import * as requests from './requests.ts';
import type { Observed, Operation, Result, Stat } from './result.ts';

/** What can be asked of ZooKeeper, typed. None of these throws; each ends within its deadline. */
export abstract class Calls<
  Events extends Record<keyof Events, unknown[]>,
> extends EventEmitter<Events> {
  protected abstract readonly aclOf: AclOf;

  /** `path`, for messages. `passesLeader`: the answer proves that the leader of the ensemble holds the session alive. */
  protected abstract call(
    request: Request,
    passesLeader: boolean,
    path: string,
  ): Promise<Result<unknown>>;

  async get(path: string, onEvent?: () => void): Promise<Result<Observed>> {
    return (await this.call(requests.get(path, onEvent), false, path)) as Result<Observed>;
  }

  /** Facts of the node, or undefined when there is none. */
  async exists(path: string, onEvent?: () => void): Promise<Result<Stat | undefined>> {
    return (await this.call(requests.exists(path, onEvent), false, path)) as Result<
      Stat | undefined
    >;
  }

  async children(path: string, onEvent?: () => void): Promise<Result<string[]>> {
    return (await this.call(requests.children(path, onEvent), false, path)) as Result<string[]>;
  }

  /** `version` -1 writes whatever is there. */
  async set(path: string, text: string, version: number): Promise<Result<Stat>> {
    return (await this.call(requests.set(path, text, version), true, path)) as Result<Stat>;
  }

  /** The path that was made: with `sequential`, ZooKeeper appends ten digits. */
  async create(path: string, text: string, kind: NodeKind = {}): Promise<Result<string>> {
    const request = requests.create(path, text, kind, this.aclOf(path));
    return (await this.call(request, true, path)) as Result<string>;
  }

  async delete(path: string, version = -1): Promise<Result<void>> {
    return (await this.call(requests.remove(path, version), true, path)) as Result<void>;
  }

  /** All operations or none. On failure the error is that of the first one that could not be done. */
  async multi(operations: readonly Operation[]): Promise<Result<void>> {
    const last = operations.at(-1)?.path ?? '';
    return (await this.call(requests.multi(operations, this.aclOf), true, last)) as Result<void>;
  }

  /** Who may do what with the node. */
  async acl(path: string): Promise<Result<AclEntry[]>> {
    return (await this.call(requests.getAcl(path), false, path)) as Result<AclEntry[]>;
  }

  async setAcl(path: string, acl: readonly AclEntry[]): Promise<Result<void>> {
    return (await this.call(requests.setAcl(path, acl), true, path)) as Result<void>;
  }

  /** Makes the node and its parents where they are missing; existing ones are left as they are. */
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
