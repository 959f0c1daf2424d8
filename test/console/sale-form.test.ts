import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  fileOf,
  formOf,
  newSale,
  newSku,
  type SaleForm,
} from '../../console/public/js/sale/document.js';
import { findDraft, keepDraft } from '../../console/public/js/sale/drafts.js';
import { timeText, wallClock } from '../../console/public/js/sale/times.js';
import { parseSaleFile, readSaleFile } from '../../ops/sale/file.ts';

/** What the form of a sale holds, and the file that it stands for. */

const DEMO = readFileSync(join(import.meta.dirname, '..', '..', 'sales', 'demo.yaml'), 'utf8');

describe('a sale file in the form', () => {
  it('comes out as it went in', () => {
    const file = readSaleFile(DEMO, 'demo.yaml', []);
    expect(fileOf(formOf(file))).toEqual(file);
  });

  it('means the same if it has one text for all languages, and every setting', () => {
    const text = `
sale: all
languages: [de, en]
title: One text
description: { de: Mehr, en: More }
opens: in 15m
closes: 2030-01-01T00:00:00.5+01:00
payWindow: 90s
launch: lottery
colors: { accent: "#1a5fb4" }
logo: { url: /logo.svg, alt: The shop }
skus:
  - { sku: A, title: A thing, price: "0", currency: JPY, limit: 100, units: 0, quota: 0, keep: 0.25 }
  - { sku: B, title: B, price: "5.00", currency: EUR, limit: 1, units: 9, keep: auto, home: hot,
      picture: { url: "https://shop.example/b.jpg", alt: { de: Ein B, en: A B } } }
  - { sku: D, title: D, price: "0", currency: EUR, limit: 1, goods: daily, zone: Europe/Berlin }
  - { sku: P, title: P, price: "0", currency: EUR, limit: 1, goods: amounts, pot: { amount: "9.00", packets: 5 } }
  - { sku: Q, title: Q, price: "0", currency: EUR, limit: 1, goods: amounts,
      pot: { amount: "3.00", packets: 2, division: ["1.00", "2.00"] } }
  - { sku: S, title: S, price: "80.00", currency: EUR, limit: 4, goods: numbered, singles: allow,
      seats: [{ row: "1", from: 1, to: 40 }, { row: "Box: left", from: 7, to: 7 }] }
  - { sku: N, title: N, price: "5.00", currency: EUR, limit: 1, goods: numbered, seats: ["No. 1", "No. 2"] }
`;
    const origins = ['https://shop.example'];
    const again = JSON.stringify(fileOf(formOf(readSaleFile(text, 'x', origins))));
    expect(parseSaleFile(again, 'x', origins)).toEqual(parseSaleFile(text, 'x', origins));
  });

  it('keeps what is no number, so that the error shows it, and leaves out what is empty', () => {
    const form = newSale(Date.parse('2026-03-01T10:20:00Z'));
    Object.assign(form.skus[0] ?? {}, { units: 'many', limit: '' });
    const file = fileOf(form);
    expect(file).toMatchObject({ opens: '2026-03-02T11:00:00Z', closes: '2026-03-03T11:00:00Z' });
    expect(file).toHaveProperty('skus', [{ currency: 'EUR', home: 'hot', units: 'many' }]);
    expect(() => readSaleFile(JSON.stringify(file), 'x', [])).toThrow(
      /skus\[0\]\.units: many is not allowed; expected the units/,
    );
  });

  it('shows a row of seats that is written wrongly', () => {
    const form = newSale(Date.parse('2026-03-01T10:20:00Z'));
    Object.assign(form.skus[0] ?? {}, { goods: 'numbered', seats: '1: 1-40\n 2: 1 to 38\n' });
    expect(fileOf(form)).toHaveProperty('skus.0.seats', [
      { row: '1', from: 1, to: 40 },
      '2: 1 to 38',
    ]);
    expect(() => readSaleFile(JSON.stringify(fileOf(form)), 'x', [])).toThrow(/skus\[0\]\.seats/);
  });
});

describe('a time on the wall clock of a zone', () => {
  it.each([
    ['2026-12-01T10:00', 'Europe/Berlin', '2026-12-01T10:00:00+01:00'],
    ['2026-07-01T10:00:30', 'Europe/Berlin', '2026-07-01T10:00:30+02:00'],
    // The night on which summer time begins, and the one on which it ends.
    ['2026-03-29T01:30:00', 'Europe/Berlin', '2026-03-29T01:30:00+01:00'],
    ['2026-03-29T03:30:00', 'Europe/Berlin', '2026-03-29T03:30:00+02:00'],
    ['2026-10-25T03:30:00', 'Europe/Berlin', '2026-10-25T03:30:00+01:00'],
    ['2026-12-01T10:00:00', 'America/New_York', '2026-12-01T10:00:00-05:00'],
    ['2026-12-01T10:00:00', 'Asia/Kolkata', '2026-12-01T10:00:00+05:30'],
    ['2026-12-01T10:00:00', 'UTC', '2026-12-01T10:00:00Z'],
  ])('%s in %s is %s', (wall, zone, text) => {
    expect(timeText(wall, zone)).toBe(text);
    expect(wallClock(text, zone)).toBe(wall.length === 16 ? `${wall}:00` : wall);
  });

  it('shows another zone’s time', () => {
    expect(wallClock('2026-12-01T10:00:00Z', 'Asia/Tokyo')).toBe('2026-12-01T19:00:00');
    expect(wallClock('in 15m', 'UTC')).toBe('');
  });
});

describe('a draft that a browser has kept', () => {
  const stored = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
  });

  it('by the page of an earlier release has the fields that came since then', () => {
    const form = newSale(0);
    const { pot: _pot, seats: _seats, picture: _picture, ...sku } = form.skus[0] ?? newSku();
    const { logo: _logo, ...others } = form as SaleForm & { readonly logo: unknown };
    const old = { ...others, sale: 'spring', skus: [{ ...sku, sku: 'TV', units: '5' }] };
    keepDraft('ann', 'spring', { form: old as unknown as SaleForm, version: 'x' });
    const found = findDraft('ann', 'spring');
    expect(found).toMatchObject({ version: 'x', form: { logo: { url: '' } } });
    expect(found && fileOf(found.form)).toMatchObject({
      sale: 'spring',
      skus: [{ sku: 'TV', units: 5, currency: 'EUR' }],
    });
  });

  it.each(['null', '{', '{"form":{"skus":[null]},"version":""}', '{"form":{"skus":{}}}'])(
    'and is none is not put back: %s',
    (text) => {
      stored.set('flashsale.console.sale.ann.spring', text);
      expect(findDraft('ann', 'spring')).toBeNull();
    },
  );
});
