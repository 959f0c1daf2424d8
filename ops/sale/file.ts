import { Ajv } from 'ajv';
import { type Document, isNode, isScalar, LineCounter, parse, parseDocument, visit } from 'yaml';
import { DAILY_UNITS } from '../../contracts/goods.ts';
import { withOwnDigits } from '../../contracts/money.ts';
import type { Texts } from '../../contracts/presentation.ts';
import { countUnits, type Seats } from '../../contracts/seats.ts';
import { checkFile } from './checks.ts';
import type { DesiredSale, DesiredSku, Moment } from './desired.ts';
import { Positions } from './positions.ts';
import { type FileProblem, problemAt, SaleFileError, schemaProblems } from './problems.ts';
import { SaleFile, type TextOfFile } from './schema.ts';
import { durationMs, momentOf } from './times.ts';

/** Reads a sale file (YAML). */

/** A larger file is not read. */
export const SALE_FILE_LENGTH_MAX = 1_000_000;

/**
 * A sale file nests a few levels deep. The parser calls itself for each level: thousands of them took minutes, in
 * which a console does nothing else.
 */
const DEPTH_MAX = 100;
const DEEP_BLOCK = new RegExp(`(?:[-?:] ){${DEPTH_MAX}}`);

const validate = new Ajv({ allErrors: true, verbose: true, strict: false }).compile(SaleFile);

/** The sale that a file asks for. @throws {SaleFileError} as `readSaleFile` */
export function parseSaleFile(...given: Parameters<typeof readSaleFile>): DesiredSale {
  return toDesired(readSaleFile(...given));
}

/**
 * @param text YAML, or JSON, which YAML contains
 * @param file its name, for messages
 * @param imageOrigins origins of pictures that the shop's page shows, besides its own
 * @throws {SaleFileError} with everything that is wrong
 */
export function readSaleFile(
  text: string,
  file: string,
  imageOrigins: readonly string[],
): SaleFile {
  const tooMuch = excessOf(text);
  if (tooMuch !== undefined) {
    throw new SaleFileError(file, [problemAt({ line: 1, column: 1 }, [], tooMuch)]);
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
      throw new SaleFileError(file, problems);
    }
    if (!validate(value)) problems.push(...schemaProblems(validate.errors ?? [], positions));
    problems.push(...checkFile(value, positions, imageOrigins));
  }
  if (problems.length > 0) {
    problems.sort((a, b) => a.line - b.line || a.column - b.column);
    throw new SaleFileError(file, problems);
  }
  return value as SaleFile;
}

/** The value of a file that may be wrong. @throws {Error} if it cannot be read at all */
export function looselyRead(text: string): unknown {
  const tooMuch = excessOf(text);
  if (tooMuch !== undefined) throw new Error(tooMuch);
  return parse(text, { uniqueKeys: false });
}

/** What the text has too much of, before it is parsed; undefined if it may be parsed. */
function excessOf(text: string): string | undefined {
  if (text.length > SALE_FILE_LENGTH_MAX) {
    return `the file has more than ${SALE_FILE_LENGTH_MAX} characters`;
  }
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

/** The languages of a file: those that it names, or else those of its title. */
function languagesOf({ languages, title }: Pick<SaleFile, 'languages' | 'title'>): string[] {
  if (languages !== undefined) return [...languages];
  return typeof title === 'string' ? ['en'] : Object.keys(title);
}

/** What follows from the kind of goods. Each amount has the digits of its currency, as the database tells it. */
function kindOf(sku: SaleFile['skus'][number]) {
  const { goods, zone, units, pot, currency, singles = 'avoid' } = sku;
  if (goods === 'daily') return { units: DAILY_UNITS, zone: zone ?? null };
  if (goods === 'numbered') {
    const seats = (sku.seats ?? []) as Seats;
    return { units: countUnits(seats), section: { seats, singles } };
  }
  if (goods !== 'amounts' || pot === undefined) return { units: units ?? 0 };
  const { amount, packets, division = 'random' } = pot;
  const digits = (text: string) => withOwnDigits(text, currency);
  const how = typeof division === 'string' ? division : division.map(digits);
  return { units: packets, pot: { amount: digits(amount), packets, division: how } };
}

export function toDesired(file: SaleFile): DesiredSale {
  const languages = languagesOf(file);
  const texts = (text: TextOfFile): Texts =>
    typeof text === 'string'
      ? Object.fromEntries(languages.map((language) => [language, text]))
      : (text as Texts);
  const first = (text: TextOfFile) => texts(text)[languages[0] ?? ''] ?? '';
  const more = (text: TextOfFile | undefined) =>
    text === undefined ? {} : { description: texts(text) };
  const { colors, logo } = file;
  return {
    sale: file.sale,
    title: first(file.title),
    opens: momentOf(file.opens) as Moment,
    closes: momentOf(file.closes) as Moment,
    payWindowSeconds: (durationMs(file.payWindow) ?? 0) / 1_000,
    ...(file.launch && { launch: file.launch === 'lottery' ? 'lottery' : 'random' }),
    presentation: {
      languages,
      title: texts(file.title),
      ...more(file.description),
      ...(colors && { colors }),
      ...(logo && { logo: { url: logo.url, alt: texts(logo.alt) } }),
    },
    skus: file.skus.map((sku): DesiredSku => {
      const { picture } = sku;
      return {
        sku: sku.sku,
        schema: sku.home ?? 'regular',
        title: first(sku.title),
        price: sku.price,
        currency: sku.currency,
        userLimit: sku.limit,
        ...kindOf(sku),
        quota: sku.quota,
        keep: sku.keep,
        presentation: {
          title: texts(sku.title),
          ...more(sku.description),
          ...(picture && { picture: { url: picture.url, alt: texts(picture.alt) } }),
        },
      };
    }),
  };
}
