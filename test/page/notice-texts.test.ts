import { expect, it } from 'vitest';
import { NOTICE_LANGUAGES as SENT } from '../../contracts/notices.ts';
import { NOTICE_LANGUAGES, textsIn } from '../../server/public/js/notice-texts.js';

/** The words of the panel for notices. A missing message is a type error (types.test.ts). */

it('are there in every language in which notices are sent', () => {
  expect(NOTICE_LANGUAGES).toEqual([...SENT]);
});

it.each([...SENT])(
  'in %s name the address where the English ones do, and copy none',
  (language) => {
    const [texts, english] = [Object.entries(textsIn(language)), Object.entries(textsIn('en'))];
    const holes = (all: [string, string][]) =>
      all.map(([name, text]) => [name, text.match(/\{\w+\}/g)]);
    expect(holes(texts)).toEqual(holes(english));
    const copied = texts.filter(([, text], index) => text === english[index]?.[1]);
    expect(copied).toEqual(language === 'en' ? english : []);
  },
);
