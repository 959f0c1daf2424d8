import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The codes that were used at a door: a file of lines, only ever appended to. Of several lines for one code the first one in
 * the file counts. So several processes of one machine can use the file together without a lock: each appends its line,
 * reads what others have appended before it, and lets the guest in only if its own line is the first.
 *
 * A use counts only after its line is on the disk. A process that is killed before that leaves nothing or a part of a line,
 * which is no use. One that is killed after that has used the code without saying so.
 */

const READ_BYTES = 65_536;
/** The end of a line, which has what is random in it. */
const TAIL_BYTES = 64;

export interface Use {
  /** When the code was first used. */
  readonly at: string;
  /** Whether this call used it. */
  readonly isFirst: boolean;
}

interface Line {
  readonly code: string;
  readonly at: string;
  /** Tells the lines of processes apart. */
  readonly by: string;
}

export class Uses {
  readonly #path: string;
  readonly #file: number;
  readonly #known = new Map<string, Line>();
  #readBytes = 0;
  #rest = Buffer.alloc(0);
  /** The last of the bytes that were read. */
  #tail = Buffer.alloc(0);
  /** Parts of lines, of processes that were killed while they wrote. */
  broken = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'a+', 0o600);
    // The name of a new file is on the disk only when its folder is.
    const folder = openSync(dirname(path), 'r');
    fsyncSync(folder);
    closeSync(folder);
    this.#read();
  }

  get count(): number {
    return this.#known.size;
  }

  /**
   * Uses a code, unless it was used.
   *
   * @throws {Error} it is not known whether it was used: nobody is let in
   */
  use(code: string): Use {
    this.#verifyFile();
    this.#read();
    const before = this.#known.get(code);
    if (before !== undefined) return { at: before.at, isFirst: false };
    const own = { code, at: new Date().toISOString(), by: randomBytes(9).toString('base64url') };
    // It begins a line of its own, whatever a killed process has left before it.
    const bytes = Buffer.from(`\n${JSON.stringify(own)}\n`);
    if (writeSync(this.#file, bytes) !== bytes.length) throw new Error('the disk is full');
    fsyncSync(this.#file);
    this.#read();
    const first = this.#known.get(code);
    if (first === undefined) throw new Error('the file of uses was changed by another program');
    return { at: first.at, isFirst: first.by === own.by };
  }

  close(): void {
    closeSync(this.#file);
  }

  /** A file that was put in its place does not have what is used here, and other doors write to that one. */
  #verifyFile(): void {
    const own = fstatSync(this.#file, { bigint: true });
    const named = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    const tail = Buffer.alloc(this.#tail.length);
    readSync(this.#file, tail, 0, tail.length, this.#readBytes - tail.length);
    if (named?.ino !== own.ino || named.dev !== own.dev || !tail.equals(this.#tail)) {
      throw new Error('the file of uses was replaced, removed or cut: put the whole one back');
    }
  }

  #read(): void {
    const bytes = Buffer.alloc(READ_BYTES);
    for (;;) {
      const length = readSync(this.#file, bytes, 0, READ_BYTES, this.#readBytes);
      if (length === 0) return;
      this.#readBytes += length;
      this.#tail = Buffer.concat([this.#tail, bytes.subarray(0, length)]).subarray(-TAIL_BYTES);
      const lines = Buffer.concat([this.#rest, bytes.subarray(0, length)]);
      const end = lines.lastIndexOf('\n') + 1;
      this.#rest = lines.subarray(end);
      for (const text of lines.toString('utf8', 0, end).split('\n')) this.#learn(text);
    }
  }

  #learn(text: string): void {
    if (text === '') return;
    const line = parse(text);
    if (line === undefined) this.broken += 1;
    else if (!this.#known.has(line.code)) this.#known.set(line.code, line);
  }
}

function parse(text: string): Line | undefined {
  try {
    const { code, at, by } = JSON.parse(text);
    return typeof code === 'string' && typeof at === 'string' ? { code, at, by } : undefined;
  } catch {
    return undefined;
  }
}
