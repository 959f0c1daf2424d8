import {
  type Acl,
  type ClientStat,
  type ClientTransaction,
  CREATE_MODES,
  fromAcl,
  type Request,
  toAcl,
} from './connection.ts';
import type { AclEntry } from './protection.ts';
import type { Operation, Stat } from './result.ts';

/** The requests that a session sends, and the conversion of the client's answers. */

function statOf(raw: ClientStat): Stat {
  return {
    version: raw.version,
    created: raw.czxid.readBigInt64BE(),
    modified: raw.mzxid.readBigInt64BE(),
    owner: raw.ephemeralOwner.readBigInt64BE(),
    children: raw.numChildren,
  };
}

/**
 * Adds one operation to a transaction. The client replaces version 0 by -1 ("any version"), which
 * would write a node that was never changed since its creation unconditionally. So the version is
 * set again here.
 */
function addOperation(transaction: ClientTransaction, operation: Operation, aclOf: AclOf) {
  const { ops } = transaction as unknown as { ops: { version?: number; acls?: readonly Acl[] }[] };
  switch (operation.op) {
    case 'check':
      transaction.check(operation.path, operation.version);
      break;
    case 'set':
      transaction.setData(operation.path, Buffer.from(operation.text), operation.version);
      break;
    case 'delete':
      transaction.remove(operation.path, operation.version);
      break;
    case 'create': {
      const { EPHEMERAL, PERSISTENT, PERSISTENT_SEQUENTIAL } = CREATE_MODES;
      const persistent = operation.sequential ? PERSISTENT_SEQUENTIAL : PERSISTENT;
      const mode = operation.ephemeral ? EPHEMERAL : persistent;
      transaction.create(operation.path, Buffer.from(operation.text), mode);
      break;
    }
  }
  const added = ops.at(-1);
  if (added === undefined) return;
  if (operation.op === 'create') added.acls = toAcl(aclOf(operation.path));
  else added.version = operation.version;
}

/** The access control list for a node created at `path`. */
export type AclOf = (path: string) => readonly AclEntry[];

export interface NodeKind {
  readonly ephemeral?: boolean;
  readonly sequential?: boolean;
}

export function get(path: string, onEvent: (() => void) | undefined): Request {
  return (client, done) => {
    const callback = (error: unknown, data: Buffer | undefined, stat: ClientStat) =>
      done(error, error ? undefined : { text: data?.toString('utf8') ?? '', stat: statOf(stat) });
    if (onEvent) client.getData(path, onEvent, callback);
    else client.getData(path, callback);
  };
}

export function exists(path: string, onEvent: (() => void) | undefined): Request {
  return (client, done) => {
    const callback = (error: unknown, stat: ClientStat | null) =>
      done(error, stat ? statOf(stat) : undefined);
    if (onEvent) client.exists(path, onEvent, callback);
    else client.exists(path, callback);
  };
}

export function children(path: string, onEvent: (() => void) | undefined): Request {
  return (client, done) => {
    if (onEvent) client.getChildren(path, onEvent, done);
    else client.getChildren(path, done);
  };
}

export function set(path: string, text: string, version: number): Request {
  return (client, done) => {
    client.setData(path, Buffer.from(text), version, (error, stat) =>
      done(error, error ? undefined : statOf(stat)),
    );
  };
}

export function create(
  path: string,
  text: string,
  kind: NodeKind,
  acl: readonly AclEntry[],
): Request {
  const { EPHEMERAL, EPHEMERAL_SEQUENTIAL, PERSISTENT, PERSISTENT_SEQUENTIAL } = CREATE_MODES;
  const ephemeral = kind.sequential ? EPHEMERAL_SEQUENTIAL : EPHEMERAL;
  const persistent = kind.sequential ? PERSISTENT_SEQUENTIAL : PERSISTENT;
  const mode = kind.ephemeral ? ephemeral : persistent;
  return (client, done) => client.create(path, Buffer.from(text), toAcl(acl), mode, done);
}

export function remove(path: string, version: number): Request {
  return (client, done) => client.remove(path, version, done);
}

export function multi(operations: readonly Operation[], aclOf: AclOf): Request {
  return (client, done) => {
    const transaction = client.transaction();
    for (const operation of operations) addOperation(transaction, operation, aclOf);
    transaction.commit((error) => done(error));
  };
}

export function getAcl(path: string): Request {
  return (client, done) =>
    client.getACL(path, (error, acl) => done(error, error ? undefined : fromAcl(acl)));
}

export function setAcl(path: string, acl: readonly AclEntry[]): Request {
  return (client, done) => client.setACL(path, toAcl(acl), (error) => done(error));
}
