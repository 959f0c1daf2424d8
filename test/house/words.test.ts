import { describe, expect, it } from 'vitest';
import { files, textOf } from './files.ts';

/** One word for one thing: `docs/glossary.md` has the words in use, this file the retired ones. */

/** Retired word → word in use. */
const RETIRED: readonly [RegExp, string][] = [
  [/\breigns?\b/i, 'leader term'],
  [/\bshelf\b|\bGrantBook\b|\bbookOf\b/i, 'grant store, grant versions'],
  [/\bfleet\b/i, 'web nodes'],
  [/\bSettlements?\b|\bsettleThroughQueues\b|\bSettleFailed\b/, 'dead nodes, drain'],
  [/\bcouriers?\b|\bOfficeOptions\b|\/office\.ts/i, 'dispatcher, webhook client'],
  [/\binsist(s|ed|ing|ently)?\b/i, 'publish until confirmed'],
  [/\b(Status|Line)?Desk\b|\bthe desk\b/i, 'status wait, waitlist'],
  [/\bBookEntry\b|\bclass Book\b/, 'pending request'],
  [/\bclass Front\b|\bgate\/front\.ts\b/, 'fast path'],
  [/\bclass Moments\b|\bgate\/moments\.ts\b/, 'expiry table'],
  [/\bclass Spread\b|\bgate\/spread\.ts\b/, 'distinct users'],
  [/\b(post_transfer|lend_units|book_lent|take_line|set_lines|line_books)\b/, 'transfer, waitlist'],
  [/\b(join|leave|serve)_waiting\b|\bwaiting_entries\b/, 'waitlist'],
  [/\bwaiting lists?\b/i, 'waitlist'],
];

/** Files that keep old names because they were released with them, and this list. */
const KEEPERS_OF_OLD_NAMES = /^db\/migrations\/|^CHANGELOG\.md$|^test\/house\/words\.test\.ts$/;

describe('the retired word', () => {
  it.each(RETIRED)('%s is not used: it was replaced by %s', (retired) => {
    const found = files
      .filter((file) => /\.(ts|js|mjs|sql|md|html|yml|json)$/.test(file))
      .filter((file) => !KEEPERS_OF_OLD_NAMES.test(file) && file !== 'package-lock.json')
      .flatMap((file) =>
        textOf(file)
          .split('\n')
          .flatMap((line, at) => (retired.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
      );
    expect(found).toEqual([]);
  });
});
