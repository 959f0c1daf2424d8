import { type Document, isMap, isNode, isScalar, type LineCounter, type Node } from 'yaml';

/** Where something stands in a YAML file. */

export interface Position {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export type PathOfFile = readonly (string | number)[];

/** A path as people write it: `skus[0].price`. */
export function pathText(path: PathOfFile): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`))
    .join('');
}

export class Positions {
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** The position of a value, or of the nearest thing around it that the file has. */
  ofValue(path: PathOfFile): Position {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = this.#nodeAt(path.slice(0, length));
      if (node?.range) return this.at(node.range[0]);
    }
    return { line: 1, column: 1 };
  }

  /** The position of a key. */
  ofKey(path: PathOfFile, key: string): Position {
    const map = this.#nodeAt(path);
    const pair = isMap(map) ? map.items.find((one) => String(one.key) === key) : undefined;
    const node = pair?.key;
    return isNode(node) && node.range ? this.at(node.range[0]) : this.ofValue(path);
  }

  /** The value as it stands in the file, shortened. */
  textOf(path: PathOfFile): string {
    const node = this.#nodeAt(path);
    if (isScalar(node)) return short(node.source ?? String(node.value));
    return isMap(node) ? 'a group of values' : node === undefined ? 'nothing' : 'a list';
  }

  #nodeAt(path: PathOfFile): Node | undefined {
    const node = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    return isNode(node) ? node : undefined;
  }
}

const SHOWN_LENGTH_MAX = 60;

function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  if (line === '') return 'nothing';
  return line.length > SHOWN_LENGTH_MAX ? `${line.slice(0, SHOWN_LENGTH_MAX)}…` : line;
}
