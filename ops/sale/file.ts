import { DAILY_UNITS } from '../../contracts/goods.ts';
import { withOwnDigits } from '../../contracts/money.ts';
import type { Texts } from '../../contracts/presentation.ts';
import { countUnits, type Seats } from '../../contracts/seats.ts';
import { compileFile, readYaml } from '../yaml/read.ts';
import { checkFile } from './checks.ts';
import type { DesiredSale, DesiredSku, Moment } from './desired.ts';
import { SaleFile, type TextOfFile } from './schema.ts';
import { durationMs, momentOf } from './times.ts';

/** Reads a sale file (YAML). */

const isSaleFile = compileFile(SaleFile);

/** The sale that a file asks for. @throws {FileError} as `readSaleFile` */
export function parseSaleFile(...given: Parameters<typeof readSaleFile>): DesiredSale {
  return toDesired(readSaleFile(...given));
}

/**
 * @param text YAML, or JSON, which YAML contains
 * @param file its name, for messages
 * @param imageOrigins origins of pictures that the shop's page shows, besides its own
 * @throws {FileError} with everything that is wrong
 */
export function readSaleFile(
  text: string,
  file: string,
  imageOrigins: readonly string[],
): SaleFile {
  return readYaml<SaleFile>(text, file, {
    validate: isSaleFile,
    check: (value, positions) => checkFile(value, positions, imageOrigins),
  });
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
