import { stringify } from 'yaml';
import type {
  Picture,
  SalePresentation,
  SkuPresentation,
  Texts,
} from '../../contracts/presentation.ts';
import type { Section } from '../../contracts/seats.ts';
import { type PresentSale, type PresentSku, presentPot } from './present.ts';
import type { SaleFile } from './schema.ts';

/**
 * Writes the sale that the shop has as a sale file. Applied, it changes nothing. It leaves out what
 * operators steer while the sale runs (quota, kept share, launch mode): what a file leaves out stays.
 */

const HEAD = `# A sale. Check it: flashsale sale plan FILE. Put it on: flashsale sale apply FILE
# yaml-language-server: $schema=./docs/sale.schema.json
`;
const UNIT_SECONDS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;

/** @returns undefined if there is no such sale */
export function fileOfPresent(name: string, { sale, skus }: PresentSale): SaleFile | undefined {
  if (sale === undefined) return undefined;
  const { title, opensAt, closesAt, payWindowSeconds, presentation } = sale;
  const languages = presentation.languages ?? ['en'];
  const { colors, logo } = presentation;
  return {
    sale: name,
    languages: [...languages] as SaleFile['languages'],
    ...textsOf(title, presentation, languages),
    opens: opensAt.toISOString(),
    closes: closesAt.toISOString(),
    payWindow: durationText(payWindowSeconds),
    ...(colors && { colors: { ...colors } }),
    ...(logo && { logo: pictureOf(logo) }),
    skus: [...skus.values()].filter((sku) => sku.sale === name).map((sku) => skuOf(sku, languages)),
  } as SaleFile;
}

function skuOf(known: PresentSku, languages: readonly string[]) {
  const { sku, title, price, currency, userLimit, unitsTotal, schema, presentation } = known;
  const { zone, section } = known;
  const pot = presentPot(known);
  const { picture } = presentation;
  return {
    sku,
    ...textsOf(title, presentation, languages),
    ...{ price, currency, limit: userLimit },
    ...(zone !== null && { goods: 'daily', zone }),
    ...(pot !== null && { goods: 'amounts', pot }),
    ...(section !== null && { goods: 'numbered', ...sectionOf(section) }),
    ...(zone === null && pot === null && section === null && { units: unitsTotal }),
    home: schema,
    ...(picture && { picture: pictureOf(picture) }),
  };
}

function textsOf(
  title: string,
  presentation: SalePresentation | SkuPresentation,
  languages: readonly string[],
) {
  const all = (text: string): Texts =>
    Object.fromEntries(languages.map((language) => [language, text]));
  const { description } = presentation;
  return {
    title: presentation.title ?? all(title),
    ...(description && { description }),
  };
}

/** The database returns the keys of a row in another order. */
function sectionOf({ seats, singles }: Section) {
  return {
    seats: seats.map((one) =>
      typeof one === 'string' ? one : { row: one.row, from: one.from, to: one.to },
    ),
    singles,
  };
}

function pictureOf({ url, alt }: Picture) {
  return { url, alt };
}

/** In the largest unit that fits. */
function durationText(seconds: number): string {
  const [unit, size] = UNIT_SECONDS.find(([, each]) => seconds % each === 0) ?? ['s', 1];
  return `${seconds / size}${unit}`;
}

/** A sale file as YAML. */
export function saleFileText(file: SaleFile): string {
  return HEAD + stringify(file, { lineWidth: 0 });
}
