import { closeSync, openSync, readSync } from 'node:fs';
import { SECRET_VARIABLES } from './secrets.ts';

/**
 * Secrets from files: `X_FILE` names a file whose content is the value of `X`. Files of Docker, Kubernetes
 * and systemd are visible to one process, whereas its environment is also visible to its children and
 * in listings of processes and containers.
 */

/** A file is longer than one value only if it is the wrong file. */
export const SECRET_FILE_BYTES_MAX = 65_536;

type Environment = Readonly<Record<string, string | undefined>>;

interface SecretFiles {
  /** The environment, with the value of each secret whose file was read. */
  readonly values: Record<string, string | undefined>;
  /** For each secret whose file gives no value: one sentence, which shows neither file nor content. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Reads the files of the secrets among `names`. Empty variables count as not set. */
export function readSecretFiles(environment: Environment, names: readonly string[]): SecretFiles {
  const values = { ...environment };
  const problems = new Map<string, string>();
  for (const name of names.filter((one) => one in SECRET_VARIABLES)) {
    const variable = `${name}_FILE`;
    const file = environment[variable];
    if (!file) continue;
    delete values[variable];
    try {
      if (environment[name]) throw new Error(`${name} and ${variable} are both set: set one`);
      values[name] = contentOf(file, variable);
    } catch (error) {
      problems.set(name, (error as Error).message);
    }
  }
  return { values, problems };
}

/**
 * The text of the file without one line end after it.
 *
 * @throws {Error} that never shows the name: it may be a secret that was put into the wrong variable
 */
function contentOf(file: string, variable: string): string {
  let bytes: Buffer;
  try {
    bytes = readAtMost(file, SECRET_FILE_BYTES_MAX + 1);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Error(`${variable} must name a file that can be read (${code})`);
  }
  if (bytes.length > SECRET_FILE_BYTES_MAX) {
    throw new Error(`${variable} names a file of more than ${SECRET_FILE_BYTES_MAX} bytes`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${variable} names a file that is not text in UTF-8`);
  }
  const value = text.replace(/\r?\n$/, '');
  if (value.trim() === '') throw new Error(`${variable} names a file that is empty`);
  return value;
}

/** Reads up to `limit` bytes. Pipes are read as well: `X_FILE=<(command)` in a shell. */
function readAtMost(file: string, limit: number): Buffer {
  const buffer = Buffer.alloc(limit);
  const descriptor = openSync(file, 'r');
  try {
    let length = 0;
    while (length < limit) {
      const count = readSync(descriptor, buffer, length, limit - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}
