import { contrastOf, SHAPE_CONTRAST_MIN, TEXT_CONTRAST_MIN } from '../../contracts/contrast.ts';
import { isZone } from '../../contracts/goods.ts';
import { CURRENCIES, fromUnits, toUnits } from '../../contracts/money.ts';
import { type Pot, potProblem } from '../../contracts/pot.ts';
import { isRehearsal } from '../../contracts/rehearsal.ts';
import { type Seats, seatsProblem } from '../../contracts/seats.ts';
import { parseShare, SHARE_FORM } from '../../contracts/shares.ts';
import type { PathOfFile, Positions } from '../yaml/positions.ts';
import { type FileProblem, problemAt } from '../yaml/problems.ts';
import { durationMs, momentOf } from './times.ts';

/** The rules of a sale file that its schema cannot say: those between two values. */

const PAY_WINDOW_MAX_MS = 30 * 86_400_000;

type Group = Readonly<Record<string, unknown>>;
type Report = (path: PathOfFile, message: string) => void;

/** Checks the parts that have the right types; the schema reports the others. */
export function checkFile(
  value: unknown,
  positions: Positions,
  imageOrigins: readonly string[],
): FileProblem[] {
  const problems: FileProblem[] = [];
  const report: Report = (path, message) =>
    problems.push(problemAt(positions.ofValue(path), path, message));
  if (!isGroup(value)) return problems;
  const checkName = (name: unknown, path: PathOfFile) => {
    if (typeof name !== 'string' || !isRehearsal(name)) return;
    report(path, 'the shop hides and removes what has such a name: it is for rehearsals');
  };
  checkName(value['sale'], ['sale']);
  checkTimes(value, report);
  const languages = languagesOfGroup(value);
  checkTexts(value, [], languages, report);
  checkColors(value['colors'], report);
  checkPicture(value['logo'], ['logo'], imageOrigins, report);
  const seen = new Map<unknown, number>();
  for (const [at, sku] of (Array.isArray(value['skus']) ? value['skus'] : []).entries()) {
    if (!isGroup(sku)) continue;
    const before = seen.get(sku['sku']);
    if (before !== undefined && sku['sku'] !== undefined) {
      report(['skus', at, 'sku'], `skus[${before}] has the same name; each SKU has its own`);
    }
    seen.set(sku['sku'], at);
    checkName(sku['sku'], ['skus', at, 'sku']);
    checkTexts(sku, ['skus', at], languages, report);
    checkPicture(sku['picture'], ['skus', at, 'picture'], imageOrigins, report);
    const { keep } = sku;
    const isInRange = typeof keep === 'number' && keep >= 0 && keep <= 1;
    if (isInRange && parseShare(String(keep)) === undefined) {
      report(['skus', at, 'keep'], `${keep} is not allowed; expected ${SHARE_FORM}`);
    }
    checkGoods(sku, ['skus', at], report);
    const why = priceProblem(sku['price'], sku['currency'], sku['limit']);
    if (why !== undefined) report(['skus', at, why.key], why.message);
  }
  return problems;
}

/** Counted goods have units, daily goods have a zone, amounts have a pot, and numbered goods have seats. */
function checkGoods(sku: Group, path: PathOfFile, report: Report): void {
  const { goods = 'counted', zone, pot, units, quota } = sku;
  if (goods !== 'daily' && zone !== undefined) {
    report([...path, 'zone'], 'only daily goods have a time zone');
  }
  if (goods !== 'amounts' && pot !== undefined) {
    report([...path, 'pot'], 'only amounts have a pot; expected goods: amounts');
  }
  for (const key of ['seats', 'singles']) {
    if (goods !== 'numbered' && sku[key] !== undefined) {
      report([...path, key], `only numbered goods have ${key}; expected goods: numbered`);
    }
  }
  if (goods === 'daily') {
    checkZone(zone, [...path, 'zone'], report);
    const none = 'daily goods have no stock, so leave it out';
    if (units !== undefined) report([...path, 'units'], none);
    if (quota !== undefined) report([...path, 'quota'], none);
    checkFree(sku, path, report, ['daily goods', 'one unit for each user and day']);
  } else if (goods === 'amounts') {
    checkPot(sku, path, report);
    if (units !== undefined) {
      report([...path, 'units'], 'a pot has as many units as packets, so leave it out');
    }
    checkFree(sku, path, report, ['amounts', 'one packet for each user']);
  } else if (goods === 'numbered') {
    checkSeats(sku['seats'], [...path, 'seats'], report);
    if (units !== undefined) {
      report([...path, 'units'], 'numbered goods have as many units as seats, so leave it out');
    }
  } else if (units === undefined) {
    report(
      [...path, 'units'],
      'it is missing; expected the units to sell in all, restocks included: a whole number such as 1000',
    );
  }
}

function checkZone(zone: unknown, path: PathOfFile, report: Report): void {
  if (zone === undefined) {
    report(path, 'it is missing; expected a time zone such as Europe/Berlin');
  } else if (typeof zone === 'string' && !isZone(zone)) {
    report(path, `there is no time zone ${zone}; expected one such as Europe/Berlin`);
  }
}

/** Only values that are right for the schema are compared with each other. */
function checkPot({ pot, currency }: Group, path: PathOfFile, report: Report): void {
  const missing = 'it is missing; expected a pot of money, with amount, packets and division';
  if (pot === undefined) report([...path, 'pot'], missing);
  const { amount, packets, division = 'random' } = isGroup(pot) ? pot : {};
  const digits = typeof currency === 'string' ? CURRENCIES.get(currency)?.digits : undefined;
  const isOne = (value: unknown) =>
    typeof value === 'string' && /^\d{1,9}(\.\d{1,4})?$/.test(value);
  const isDivision =
    division === 'random' ||
    division === 'equal' ||
    (Array.isArray(division) && division.every(isOne));
  if (digits === undefined || !isOne(amount) || !Number.isInteger(packets) || !isDivision) return;
  const found = { amount, packets, division } as Pot;
  const why = found.packets < 1 ? undefined : potProblem(found, digits);
  if (why !== undefined) report([...path, 'pot', why.key], why.message);
}

function checkSeats(seats: unknown, path: PathOfFile, report: Report): void {
  if (seats === undefined) {
    report(path, 'it is missing; expected rows of seats, each with row, from and to, or labels');
  }
  const isLine = (one: unknown) =>
    isGroup(one) &&
    typeof one['row'] === 'string' &&
    Number.isInteger(one['from']) &&
    Number.isInteger(one['to']);
  const isLabel = (one: unknown) => typeof one === 'string';
  if (!Array.isArray(seats) || !(seats.every(isLine) || seats.every(isLabel))) return;
  const why = seatsProblem(seats as unknown as Seats);
  if (why !== undefined) report([...path, why.at], why.message);
}

/** @param what the kind of goods, and what its limit of 1 means */
function checkFree(
  { price, limit }: Group,
  path: PathOfFile,
  report: Report,
  [what, each]: readonly [string, string],
): void {
  if (typeof limit === 'number' && limit !== 1) {
    report([...path, 'limit'], `${what} have a limit of 1: ${each}`);
  }
  if (typeof price === 'string' && Number(price) !== 0) {
    report([...path, 'price'], `${what} cost nothing; expected "0"`);
  }
}

function checkTimes(file: Group, report: Report): void {
  const moments = (['opens', 'closes'] as const).map((key) => {
    const text = file[key];
    const moment = typeof text === 'string' ? momentOf(text) : undefined;
    const looksRight =
      typeof text === 'string' && /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text);
    if (looksRight && moment === undefined) report([key], `${text} is no day or time that exists`);
    return moment;
  });
  const [opens, closes] = moments;
  if (opens !== undefined && closes !== undefined) {
    const isWrong =
      'at' in opens
        ? 'at' in closes && closes.at <= opens.at
        : 'afterMs' in closes && closes.afterMs <= opens.afterMs;
    if (isWrong) report(['closes'], 'the sale closes before it opens; expected a later time');
  }
  const window = typeof file['payWindow'] === 'string' ? durationMs(file['payWindow']) : undefined;
  if (window !== undefined && window > PAY_WINDOW_MAX_MS) {
    report(['payWindow'], `${file['payWindow']} is too long; expected 1s to 30d`);
  }
}

function languagesOfGroup({ languages, title }: Group): string[] | undefined {
  if (Array.isArray(languages)) return languages.filter((one) => typeof one === 'string');
  if (typeof title === 'string') return ['en'];
  return isGroup(title) ? Object.keys(title) : undefined;
}

/** Each text stands in each language of the file, or once for all of them. */
function checkTexts(
  group: Group,
  path: PathOfFile,
  languages: readonly string[] | undefined,
  report: Report,
): void {
  if (languages === undefined) return;
  const alt = (name: string): [PathOfFile, unknown] => {
    const picture = group[name];
    return [[...path, name, 'alt'], isGroup(picture) ? picture['alt'] : undefined];
  };
  const texts: [PathOfFile, unknown][] = [
    [[...path, 'title'], group['title']],
    [[...path, 'description'], group['description']],
    alt('logo'),
    alt('picture'),
  ];
  for (const [where, text] of texts) {
    if (!isGroup(text)) continue;
    const missing = languages.filter((language) => !(language in text));
    if (missing.length > 0) {
      report(where, `there is no text in ${missing.join(', ')}; expected one in each language`);
    }
    const extra = Object.keys(text).filter((language) => !languages.includes(language));
    if (extra.length > 0) {
      report(
        where,
        `${extra.join(', ')} is none of the file's languages (${languages.join(', ')})`,
      );
    }
  }
}

/** Text, and buttons with their large digits, can be told apart from the page behind them. */
function checkColors(colors: unknown, report: Report): void {
  const { background, ...others } = isGroup(colors) ? colors : {};
  for (const [name, least] of [
    ['text', TEXT_CONTRAST_MIN],
    ['accent', SHAPE_CONTRAST_MIN],
  ] as const) {
    const color = others[name];
    if (!isColor(color) || !isColor(background)) continue;
    // Rounded down: 4.499 is not 4.5.
    const contrast = Math.floor(contrastOf(color, background) * 100) / 100;
    if (contrast >= least) continue;
    report(
      ['colors', name],
      `${color} has a contrast of ${contrast}:1 with the background ${background}; expected at least ${least}:1`,
    );
  }
}

function isColor(value: unknown): value is string {
  return typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value);
}

/** The policy of the shop's page forbids pictures of all other origins. */
function checkPicture(
  picture: unknown,
  path: PathOfFile,
  origins: readonly string[],
  report: Report,
): void {
  const url = isGroup(picture) ? picture['url'] : undefined;
  if (typeof url !== 'string' || !url.startsWith('https://')) return;
  const origin = URL.canParse(url) ? new URL(url).origin : url;
  if (origins.includes(origin)) return;
  const named = origins.length === 0 ? 'which is not set' : origins.join(', ');
  report(
    [...path, 'url'],
    `the shop's page shows no picture of ${origin}; expected a path such as /tv.jpg, or an origin in IMAGE_ORIGINS (${named})`,
  );
}

/** Why a price cannot be paid, by the rules of catalog.check_price. */
function priceProblem(price: unknown, currency: unknown, limit: unknown) {
  if (typeof price !== 'string' || typeof currency !== 'string') return undefined;
  if (!/^\d{1,9}(\.\d{1,4})?$/.test(price) || !/^[A-Z]{3}$/.test(currency)) return undefined;
  const known = CURRENCIES.get(currency);
  if (known === undefined) return { key: 'currency', message: `there is no currency ${currency}` };
  const { digits, payable } = known;
  const amount = (units: bigint) => `${fromUnits(units, digits)} ${currency}`;
  let units: bigint;
  try {
    units = toUnits(price, digits);
  } catch {
    const message = `${price} has too many decimal places; ${currency} has ${digits}`;
    return { key: 'price', message };
  }
  if (units === 0n) return undefined;
  if (payable === undefined) {
    const message = `${currency} cannot be paid through every payment provider`;
    return { key: 'currency', message };
  }
  const { least, step, most } = payable;
  const expects = (text: string) => ({ key: 'price', message: `${price}: expected ${text}` });
  if (units < least) return expects(`0 or at least ${amount(least)}, which providers accept`);
  if (units % step !== 0n) return expects(`a multiple of ${amount(step)}, which providers accept`);
  const many = typeof limit === 'number' && Number.isInteger(limit) && limit > 0 ? limit : 1;
  if (units * BigInt(many) <= most) return undefined;
  return expects(`${many} units to cost at most ${amount(most)}, which providers accept`);
}

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
