import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';
import { type Document, isNode, isScalar, LineCounter, parse, parseDocument, visit } from 'yaml';
import { Positions } from './positions.ts';
import { FileError, type FileProblem, problemAt, schemaProblems } from './problems.ts';

/** Reads a YAML file that people write, and says everything that is wrong with it and where. */

/** A larger file is not read. */
export const FILE_LENGTH_MAX = 1_000_000;

/**
 * Our files nest a few levels deep. The parser calls itself for each level: thousands of them took minutes, in
 * which a console does nothing else.
 */
const DEPTH_MAX = 100;
const DEEP_BLOCK = new RegExp(`(?:[-?:] ){${DEPTH_MAX}}`);

export function compileFile(schema: AnySchema): ValidateFunction {
  return new Ajv({ allErrors: true, verbose: true, strict: false }).compile(schema);
}

/** How the value of a file is judged. */
export interface Rules {
  readonly validate: ValidateFunction;
  /** What a schema cannot say. The value may not be as the schema wants it. */
  readonly check: (value: unknown, positions: Positions) => readonly FileProblem[];
}

/**
 * @param text YAML, or JSON, which YAML contains
 * @param file its name, for messages
 * @throws {FileError} with everything that is wrong
 */
export function readYaml<Value>(text: string, file: string, { validate, check }: Rules): Value {
  const tooMuch = excessOf(text);
  if (tooMuch !== undefined) {
    throw new FileError(file, [problemAt({ line: 1, column: 1 }, [], tooMuch)]);
  }
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false } as const;
  const document = parseDocument(text, options);
  const positions = new Positions(document, lines);
  const problems: FileProblem[] = [...document.errors, ...document.warnings].map(
    ({ pos, message }) => problemAt(positions.at(pos[0]), [], message),
  );
  const isReadable = document.errors.length === 0;
  problems.push(...repeatedKeys(document, positions));
  let value: unknown;
  if (isReadable) {
    try {
      value = document.toJS();
    } catch (error) {
      problems.push(problemAt({ line: 1, column: 1 }, [], (error as Error).message));
      throw new FileError(file, problems);
    }
    if (!validate(value)) problems.push(...schemaProblems(validate.errors ?? [], positions));
    problems.push(...check(value, positions));
  }
  if (problems.length > 0) {
    problems.sort((a, b) => a.line - b.line || a.column - b.column);
    throw new FileError(file, problems);
  }
  return value as Value;
}

/** The value of a file that may be wrong. @throws {Error} if it cannot be read at all */
export function looselyRead(text: string): unknown {
  const tooMuch = excessOf(text);
  if (tooMuch !== undefined) throw new Error(tooMuch);
  return parse(text, { uniqueKeys: false });
}

/** What the text has too much of, before it is parsed; undefined if it may be parsed. */
function excessOf(text: string): string | undefined {
  if (text.length > FILE_LENGTH_MAX) return `the file has more than ${FILE_LENGTH_MAX} characters`;
  let depth = 0;
  for (const char of text) {
    if (char === '[' || char === '{') depth += 1;
    else if ((char === ']' || char === '}') && depth > 0) depth -= 1;
    if (depth > DEPTH_MAX) break;
  }
  const isDeep = depth > DEPTH_MAX || DEEP_BLOCK.test(text);
  return isDeep ? `the file nests deeper than ${DEPTH_MAX} levels` : undefined;
}

/** The parser compares each key with all before it, so ten thousand keys would take minutes. */
function repeatedKeys(document: Document, positions: Positions): FileProblem[] {
  const found: FileProblem[] = [];
  visit(document, {
    Map(_, map) {
      const known = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (known.has(key.value) && isNode(key) && key.range) {
          found.push(problemAt(positions.at(key.range[0]), [], 'Map keys must be unique'));
        }
        known.add(key.value);
      }
    },
  });
  return found;
}
