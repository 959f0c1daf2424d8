import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NOTICE_LANGUAGES } from '../../contracts/notices.ts';
import { LANGUAGES as OF_SALES } from '../../contracts/presentation.ts';
import { plural } from '../../server/public/js/format.js';
import {
  direction,
  fill,
  LANGUAGES,
  pickLanguage,
  speak,
  textIn,
} from '../../server/public/js/language.js';
import english from '../../server/public/languages/en.js';

/** The messages of all languages, held against the English ones, and the choice of a language. */

const PUBLIC = join(import.meta.dirname, '..', '..', 'server', 'public');
const TAGS = Object.keys(LANGUAGES);
/** Words that a language writes in Latin letters. */
const LATIN_NAMES = /\b(JavaScript|https|HMAC.SHA.256|SHA.256)\b/g;
const LATIN_WORD = /\p{Script=Latin}+/u;
const CATEGORIES: readonly Intl.LDMLPluralRule[] = ['zero', 'one', 'two', 'few', 'many', 'other'];

type Tree = { readonly [key: string]: string | Tree };

const messagesOf = async (tag: string): Promise<Map<string, string>> =>
  new Map(flat((await import(`../../server/public/languages/${tag}.js`)).default));

function flat(tree: Tree, prefix = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[prefix + key, value]] : flat(value, `${prefix}${key}.`),
  );
}

const placeholdersOf = (text: string): string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).sort();

const ENGLISH = new Map(flat(english as unknown as Tree));
const PLURALS = [...ENGLISH.keys()]
  .filter((name) => name.endsWith('.other'))
  .map((name) => name.slice(0, -'.other'.length));
/** The name of a message without its plural category. */
const baseOf = (name: string): string =>
  PLURALS.find((plural) => name.startsWith(`${plural}.`)) ?? name;
const namesOf = (messages: ReadonlyMap<string, string>) =>
  [...new Set([...messages.keys()].map(baseOf))].sort();
/** The English message of the same name; of a plural, the form `other`. */
const inEnglish = (name: string): string =>
  ENGLISH.get(name) ?? ENGLISH.get(`${baseOf(name)}.other`) ?? '';
/** What is left of a message without the places for values. */
const wordsOf = (text: string): string => text.replaceAll(/\{\w+\}/g, '');

describe.each(TAGS)('the messages in %s', async (tag) => {
  const messages = await messagesOf(tag);

  it('are the same ones as in English', () => {
    expect(namesOf(messages)).toEqual(namesOf(ENGLISH));
    expect([...messages].filter(([, text]) => text.trim() === '')).toEqual([]);
  });

  it('have the plural forms that the language needs', () => {
    const needed = new Intl.PluralRules(tag).resolvedOptions().pluralCategories;
    for (const name of PLURALS) {
      const forms = CATEGORIES.filter((category) => messages.has(`${name}.${category}`));
      expect([name, forms]).toEqual([name, CATEGORIES.filter((each) => needed.includes(each))]);
    }
  });

  it('have the places for values that the English ones have', () => {
    const wrong = [...messages].filter(([name, text]) => {
      const [has, needs] = [placeholdersOf(text), placeholdersOf(inEnglish(name))];
      // A form for exactly one number may write that as a word.
      const mayLack = /\.(zero|one|two)$/.test(name) ? 1 : 0;
      const isFitting = new Set(has).isSubsetOf(new Set(needs));
      return !isFitting || has.length < needs.length - mayLack || has.length > needs.length;
    });
    expect(wrong).toEqual([]);
  });

  it('end as a sentence where the English ones do', () => {
    const end = /[.。]$/;
    const wrong = [...messages]
      .filter(([name, text]) => end.test(text) !== end.test(inEnglish(name)))
      .map(([name]) => name);
    // German abbreviations have a point. Japanese has a full stop here instead of a colon.
    const allowed = /^units\.|^lottery\.hash$/;
    expect(wrong.filter((name) => !allowed.test(name))).toEqual([]);
  });

  it('are short on buttons and badges', () => {
    const wide = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;
    const widthOf = (text: string) => text.length + (text.match(wide)?.length ?? 0);
    const long = [...messages].filter(
      ([name, text]) => name.startsWith('button.') && widthOf(text) > 22,
    );
    expect(long).toEqual([]);
  });

  if (/^(zh|ja|ar)/.test(tag))
    it('have no Latin words but names', () => {
      const latin = [...messages].filter(([, text]) =>
        LATIN_WORD.test(wordsOf(text).replaceAll(LATIN_NAMES, '')),
      );
      expect(latin).toEqual([]);
    });

  it('are not those of another language', async () => {
    for (const other of TAGS.filter((each) => each !== tag)) {
      const theirs = await messagesOf(other);
      const same = [...messages]
        .filter(([name, text]) => /\p{L}{3}/u.test(wordsOf(text)) && text === theirs.get(name))
        .map(([name]) => name)
        // "min" is a minute in English, Spanish and French.
        .filter((name) => name !== 'units.minutes');
      expect([other, same]).toEqual([other, []]);
    }
  });
});

describe('the languages', () => {
  it('are those of the texts of sales, and of notices', () => {
    expect([...OF_SALES]).toEqual(TAGS);
    expect([...NOTICE_LANGUAGES]).toEqual(TAGS);
  });
});

describe('the files', () => {
  it('have a language each', () => {
    const files = readdirSync(join(PUBLIC, 'languages'));
    expect(files.sort()).toEqual(TAGS.map((tag) => `${tag}.js`).sort());
  });

  it.each(['index.html', 'sale.html', 'lottery.html', 'notices.html'])(
    '%s has the English messages',
    async (page) => {
      const html = readFileSync(join(PUBLIC, page), 'utf8');
      const marked = [...html.matchAll(/<\w+[^>]*data-text="([^"]+)"[^>]*>([^<]*)</g)];
      expect(marked.length).toBeGreaterThan(5);
      expect(marked.map(([, name, text]) => [name, text])).toEqual(
        marked.map(([, name = '']) => [name, ENGLISH.get(name)]),
      );
      // Every other word is set by a script: nothing stays English on a page in another language.
      const rest = html
        .replace(/<noscript>[\s\S]*<\/noscript>/, '')
        .replaceAll(/data-text="[^"]+"[^>]*>[^<]*</g, '<')
        .replaceAll(/<[^>]*>/g, '');
      expect(rest.match(/\p{L}+/gu)).toBeNull();
      for (const tag of TAGS) {
        const needs = (await messagesOf(tag)).get('needsScript');
        expect(html).toMatch(new RegExp(`<p lang="${tag}"( dir="rtl")?>${needs}</p>`));
      }
    },
  );

  it.each(readdirSync(join(PUBLIC, 'css')))('%s knows no left and right', (name) => {
    const css = readFileSync(join(PUBLIC, 'css', name), 'utf8');
    expect(css.match(/^.*(?:\b|-)(left|right)\s*:.*$|:\s*(left|right);/gm)).toBeNull();
  });
});

describe('the language of a shopper', () => {
  it.each([
    [['de-AT', 'en'], 'de'],
    [['pt-BR', 'fr-CA'], 'fr'],
    [['zh-CN'], 'zh-Hans'],
    [['zh-SG', 'en'], 'zh-Hans'],
    [['zh-TW', 'en'], 'en'],
    [['zh-TW'], 'zh-Hans'],
    [['ar-EG'], 'ar'],
    [['*', 'not a tag', 'ja-JP'], 'ja'],
    [['pt', 'nl'], undefined],
    [[], undefined],
  ])('who reads %j is %s', (wanted, tag) => {
    expect(pickLanguage(TAGS, wanted)).toBe(tag);
  });

  it('is that of the texts of a sale, or the best other one', async () => {
    await speak('de', []);
    const texts = { en: 'Phone', de: 'Telefon' };
    expect(textIn(texts, 'en', 'Phone')).toEqual({ text: 'Telefon', language: 'de' });
    const italian = { 'pt-BR': 'Telefone', it: 'Telefono' };
    expect(textIn(italian, 'it', '')).toEqual({ text: 'Telefono', language: 'it' });
    expect(textIn({}, 'it', 'Telefono')).toEqual({ text: 'Telefono', language: 'it' });
    expect(textIn(undefined, undefined, 'Phone')).toEqual({ text: 'Phone', language: undefined });
  });
});

describe('a message', () => {
  it('keeps a value of the other direction apart', async () => {
    await speak('en', []);
    expect(direction()).toBe('ltr');
    expect(fill('Order {number}', { number: 'A-1' })).toBe('Order A-1');
    expect(fill('Pay now: {title}', { title: 'هاتف' })).toBe('Pay now: \u2068هاتف\u2069');
    await speak('ar', []);
    expect(direction()).toBe('rtl');
    expect(fill('الطلبية {number}', { number: 'A-1' })).toBe('الطلبية \u2068A-1\u2069');
  });

  it('counts by the rules of its language', async () => {
    await speak('ar', ['ar-EG']);
    const { waitlist } = (await import('../../server/public/languages/ar.js')).default;
    const said = [1, 2, 3, 11, 100].map((count) => plural(waitlist.ahead, count));
    expect(said.map((text) => text.replaceAll(/[\u2068\u2069]/g, ''))).toEqual([
      'شخص واحد قبلك',
      'شخصان قبلك',
      '٣ أشخاص قبلك',
      '١١ شخصًا قبلك',
      '١٠٠ شخص قبلك',
    ]);
  });
});
