import { momentOf } from './times.ts';

/** The text of a new sale file, with comments that say what else a file can have. */

export interface NewFileAnswers {
  readonly sale: string;
  readonly title: string;
  readonly opens: string;
  readonly closes: string;
  readonly payWindow: string;
  readonly sku: string;
  readonly skuTitle: string;
  readonly price: string;
  readonly currency: string;
  readonly limit: string;
  readonly units: string;
}

interface Question {
  readonly name: keyof NewFileAnswers;
  readonly flag: string;
  readonly question: string;
  /** The answer if a person gives none. */
  readonly usual: (before: Readonly<Record<string, string>>, now: Date) => string;
}

const DAY_MS = 86_400_000;

/** A day later at the same full hour, in UTC. */
function dayAfter(time: Date): string {
  return `${new Date(time.getTime() + DAY_MS).toISOString().slice(0, 14)}00:00Z`;
}

/** A day after the opening, or long after one that is counted from the first apply. */
function usualClosing(opens: string, now: Date): string {
  const moment = momentOf(opens);
  return moment !== undefined && 'afterMs' in moment ? 'in 30d' : dayAfter(moment?.at ?? now);
}

/** A name has up to 40 characters, and the usual one of a SKU two more than this part of the sale's name. */
const SKU_STEM_MAX = 38;

/** A SKU belongs to one sale, so the usual name has that of the sale in it. */
function usualSku(sale: string): string {
  return `${sale.slice(0, SKU_STEM_MAX)}-1`;
}

export const QUESTIONS: readonly Question[] = [
  {
    name: 'sale',
    flag: 'sale',
    question: 'Name of the sale (letters, digits, - and _)',
    usual: (_, now) => `sale-${now.toISOString().slice(0, 10)}`,
  },
  { name: 'title', flag: 'title', question: 'Title for shoppers', usual: () => 'Flash sale' },
  {
    name: 'opens',
    flag: 'opens',
    question: 'Opens at (with zone, or in 15m)',
    usual: (_, now) => dayAfter(now),
  },
  {
    name: 'closes',
    flag: 'closes',
    question: 'Closes at',
    usual: ({ opens = '' }, now) => usualClosing(opens, now),
  },
  {
    name: 'payWindow',
    flag: 'pay-window',
    question: 'How long an order waits for its payment',
    usual: () => '15m',
  },
  {
    name: 'sku',
    flag: 'sku',
    question: 'Name of the first SKU',
    usual: ({ sale = '' }) => usualSku(sale),
  },
  {
    name: 'skuTitle',
    flag: 'sku-title',
    question: 'Title of the SKU',
    usual: ({ sku = '' }) => sku,
  },
  { name: 'currency', flag: 'currency', question: 'Currency', usual: () => 'EUR' },
  { name: 'price', flag: 'price', question: 'Price of a unit', usual: () => '9.90' },
  { name: 'limit', flag: 'limit', question: 'Units that one user may hold', usual: () => '1' },
  { name: 'units', flag: 'units', question: 'Units to sell', usual: () => '1000' },
];

/** The usual answers take the place of those that were not given. */
export function completed(given: Partial<NewFileAnswers>, now: Date): NewFileAnswers {
  const answers: Record<string, string> = {};
  for (const { name, usual } of QUESTIONS) answers[name] = given[name] ?? usual(answers, now);
  return answers as unknown as NewFileAnswers;
}

/** @param schema where the JSON Schema lies, as seen from the file */
export function newFileText(answers: NewFileAnswers, schema: string): string {
  // JSON strings are YAML strings.
  const text = (value: string) => JSON.stringify(value);
  const number = (value: string) => (/^\d+$/.test(value) ? value : text(value));
  const { sale, title, opens, closes, payWindow, sku, skuTitle, price, currency, limit, units } =
    answers;
  return `# A sale. See docs/merchant.md. Check it: flashsale sale plan FILE. Put it on: flashsale sale apply FILE
# An editor with a YAML language server completes and checks it, if it knows the schema:
# yaml-language-server: $schema=${schema}

# The name in addresses and commands. It cannot be changed later.
sale: ${text(sale)}

# One text, or a text for each language: { en: …, de: … }. Languages: en de es fr zh-Hans ja ar.
title: ${text(title)}
# description: More about the sale

# Times with their zone. The opening time can move until the sale has opened.
opens: ${text(opens)}
closes: ${text(closes)}

# How long an order waits for its payment: s, m, h or d.
payWindow: ${text(payWindow)}

# Which shoppers are let through while more press than are kept: first_come or lottery.
# launch: first_come

# The colour of buttons. With background and text, the whole page has the colours of the sale.
# colors: { accent: "#1a5fb4", background: "#ffffff", text: "#1c1c1c" }
# logo: { url: /pictures/logo.svg, alt: The name of the shop }

skus:
  - sku: ${text(sku)}
    title: ${text(skuTitle)}
    # Price and currency stay once the first order is made.
    price: ${text(price)}
    currency: ${text(currency)}
    # The units that one user may hold.
    limit: ${number(limit)}
    # The units in all. A higher number is a restock; a lower one is refused.
    units: ${number(units)}
    # Sell only so many for now. Without it: all units.
    # quota: ${number(units)}
    # The share of the purchase requests to keep, 0 to 1, or auto.
    # keep: 1
    # regular, or hot for a SKU that very many shoppers want at once.
    home: hot
    # A path of the shop, or an https address at one of the origins in IMAGE_ORIGINS.
    # picture: { url: /pictures/tv.jpg, alt: What the picture shows }
`;
}
