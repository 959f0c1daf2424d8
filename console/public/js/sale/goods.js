// @ts-check
import { make } from '../dom.js';
import { choice, text } from './fields.js';

/**
 * The fields of a product that its kind of goods needs.
 *
 * @typedef {(key: 'goods' | 'zone' | 'seats' | 'singles') =>
 *   { path: string, value: string, set: (value: string) => void }} Bound
 */

/**
 * @param {string} path of the product in the file
 * @param {import('./document.js').SkuForm} sku
 * @param {Bound} bound
 */
export function goodsFields(path, sku, bound) {
  return [goodsRow(bound), potRow(`${path}.pot`, sku.pot), seatsRow(bound)];
}

/** @param {Bound} bound */
function goodsRow(bound) {
  return make(
    'div',
    { class: 'row' },
    choice({
      ...bound('goods'),
      label: 'Goods',
      choices: [
        ['', 'units of a stock'],
        ['daily', 'daily: one for each shopper and day'],
        ['amounts', 'amounts: packets of a pot of money'],
        ['numbered', 'numbered: seats, or things with serial numbers'],
      ],
    }),
    text({
      ...bound('zone'),
      label: 'Time zone of daily goods',
      attributes: { maxlength: '64', spellcheck: 'false' },
      hint: 'Such as Europe/Berlin. Daily goods cost 0, and have no units and no quota.',
    }),
  );
}

/**
 * @param {string} path
 * @param {import('./document.js').PotForm} pot
 */
function potRow(path, pot) {
  /** @param {keyof typeof pot} key */
  const bound = (key) => ({
    path: `${path}.${key}`,
    value: pot[key],
    set: (/** @type {string} */ value) => {
      pot[key] = value;
    },
  });
  return make(
    'div',
    { class: 'row', 'data-path': path },
    text({
      ...bound('amount'),
      label: 'Pot of amounts: money in all',
      attributes: { inputmode: 'decimal', maxlength: '14' },
    }),
    text({
      ...bound('packets'),
      label: 'Packets of the pot',
      attributes: { inputmode: 'numeric', maxlength: '6' },
    }),
    text({
      ...bound('division'),
      label: 'Division of the pot',
      attributes: { spellcheck: 'false' },
      hint: 'random, equal, or the amount of each packet. Empty: random. Amounts cost 0, one for each shopper, and have no units.',
    }),
  );
}

/** @param {Bound} bound */
function seatsRow(bound) {
  return make(
    'div',
    { class: 'row' },
    text({
      ...bound('seats'),
      label: 'Seats of numbered goods',
      lines: 3,
      attributes: { spellcheck: 'false' },
      hint: 'The best first: a line such as 12: 1-40 for each row of seats side by side, or a line for each label. They are the units in all.',
    }),
    choice({
      ...bound('singles'),
      label: 'Single seats',
      choices: [
        ['', 'avoid: no single seat is left between others while others are free'],
        ['allow', 'allow'],
      ],
    }),
  );
}
