import { type Client, type ClientStat, CREATE_MODES } from '../../../zk/client/connection.ts';
import type { Write, Written, ZNode } from './zookeeper.ts';

/** The calls that `zk/client/requests.ts` makes, with the interface of node-zookeeper-client. */

type Callback = (error: unknown, ...values: unknown[]) => void;

/** How a connection serves the call. */
export interface Access {
  read(
    path: string,
    kind: 'data' | 'children',
    watcher: (() => void) | undefined,
    answer: (node?: ZNode) => void,
  ): void;
  write(writes: readonly Write[], callback: (written: Written) => void): void;
  /** Called with each value that the process receives. */
  onRead(path: string, node: ZNode | undefined): void;
}

export function zxidBuffer(zxid: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(zxid);
  return buffer;
}

function statOf(node: ZNode): ClientStat {
  return {
    version: node.version,
    czxid: zxidBuffer(node.created),
    mzxid: zxidBuffer(node.modified),
    ephemeralOwner: zxidBuffer(node.owner),
    numChildren: node.children.size,
  } as unknown as ClientStat;
}

export function createClient(access: Access): Client {
  const optional = (rest: unknown[]) =>
    (rest.length === 2 ? rest : [undefined, rest[0]]) as [(() => void) | undefined, Callback];
  return {
    getData: (path: string, ...rest: unknown[]) => {
      const [watcher, callback] = optional(rest);
      access.read(path, 'data', watcher, (node) => {
        access.onRead(path, node);
        if (!node) callback('no_node');
        else callback(undefined, Buffer.from(node.text), statOf(node));
      });
    },
    exists: (path: string, ...rest: unknown[]) => {
      const [watcher, callback] = optional(rest);
      access.read(path, 'data', watcher, (node) => callback(undefined, node ? statOf(node) : null));
    },
    getChildren: (path: string, ...rest: unknown[]) => {
      const [watcher, callback] = optional(rest);
      access.read(path, 'children', watcher, (node) => {
        const names = [...(node?.children ?? [])].map((child) =>
          child.slice(child.lastIndexOf('/') + 1),
        );
        if (node) callback(undefined, names);
        else callback('no_node');
      });
    },
    setData: (path: string, data: Buffer, version: number, callback: Callback) => {
      access.write([{ op: 'set', path, text: data.toString(), version }], (written) => {
        if (!written.ok) callback(written.error);
        else callback(undefined, written.node && statOf(written.node));
      });
    },
    create: (path: string, data: Buffer, _acl: unknown, mode: number, callback: Callback) => {
      const { EPHEMERAL, EPHEMERAL_SEQUENTIAL, PERSISTENT_SEQUENTIAL } = CREATE_MODES;
      const ephemeral = mode === EPHEMERAL || mode === EPHEMERAL_SEQUENTIAL;
      const sequential = mode === EPHEMERAL_SEQUENTIAL || mode === PERSISTENT_SEQUENTIAL;
      const write = { op: 'create', path, text: data.toString(), ephemeral, sequential } as const;
      access.write([write], (written) => {
        if (written.ok) callback(undefined, written.paths[0]);
        else callback(written.error);
      });
    },
    remove: (path: string, version: number, callback: Callback) =>
      access.write([{ op: 'delete', path, version }], (written) =>
        callback(written.ok ? undefined : written.error),
      ),
    transaction: () => createTransaction(access),
  } as unknown as Client;
}

/** `zk/client/requests.ts` sets versions and ACLs in `ops` itself. */
function createTransaction(access: Access) {
  const ops: (Write & { acls?: unknown })[] = [];
  return {
    ops,
    check: (path: string, version: number) => ops.push({ op: 'check', path, version }),
    setData: (path: string, data: Buffer, version: number) =>
      ops.push({ op: 'set', path, text: data.toString(), version }),
    remove: (path: string, version: number) => ops.push({ op: 'delete', path, version }),
    create: (path: string, data: Buffer, mode: number) => {
      const ephemeral = mode === CREATE_MODES.EPHEMERAL;
      const sequential = mode === CREATE_MODES.PERSISTENT_SEQUENTIAL;
      ops.push({ op: 'create', path, text: data.toString(), ephemeral, sequential });
    },
    commit: (callback: Callback) =>
      access.write(ops, (written) => callback(written.ok ? undefined : written.error)),
  };
}
