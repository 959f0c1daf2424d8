// @ts-check
/** Steering: each change is the edit that `flashsale quota` makes, with what every node acknowledged. */

import { CallFailed, call } from './api.js';
import { choice, confirmed, control, setNow, textField } from './controls.js';
import { find, keep, make, setAttribute, setShown, setText, showTexts } from './dom.js';
import { count, duration, moment, percent } from './format.js';
import { openPage } from './frame.js';
import { showLists } from './lists.js';
import { follow } from './stream.js';

const SHARE = '0 to 1, or auto';

/** @param {'done' | 'late' | 'refused' | 'busy'} tone @param {string} text */
function tell(tone, text) {
  setAttribute(find('.result'), 'data-tone', tone);
  setText(find('#result'), text);
}

/** @param {string | null} text */
const shown = (text) =>
  text === null ? 'nothing' : text.replaceAll(/\s*\n\s*/g, ', ').slice(0, 80);

/** The reason on the page; undefined if there is none. */
function reasonGiven() {
  const field = find('#reason');
  const reason = field instanceof HTMLInputElement ? field.value.trim() : '';
  return reason === '' ? undefined : reason;
}

/** @param {unknown} error */
function tellFailure(error) {
  const isRefusal = error instanceof CallFailed && error.isRefusal;
  const text = error instanceof Error ? error.message : String(error);
  tell(isRefusal ? 'refused' : 'late', isRefusal ? `Refused: ${text}` : text);
}

/**
 * @param {string} sale
 * @param {string | null} value such as `2h`; null: the usual time
 */
async function setClaimWindow(sale, value) {
  const reason = reasonGiven();
  if (reason === undefined) {
    return tell('refused', 'Refused: write a reason for it first.');
  }
  tell('busy', 'Writing …');
  try {
    await call('POST', '/api/claim-window', { sale, value, reason });
    tell(
      'done',
      `${sale}: shoppers who waited have ${value ?? 'the usual time'} to pay for a unit that comes back from now on.`,
    );
  } catch (error) {
    tellFailure(error);
  }
}

/**
 * Makes one edit and tells what became of it.
 * @param {string} kind
 * @param {Record<string, unknown>} values
 * @returns {Promise<boolean>} whether it was made
 */
async function edit(kind, values) {
  const reason = reasonGiven();
  tell('busy', 'Writing …');
  try {
    const made = await call('POST', `/api/edits/${kind}`, { ...values, ...(reason && { reason }) });
    const { path, from, to, ms, nodes, notApplied } = made;
    if (from === null && to === null) {
      tell('done', `${path}: there was no value, nothing was changed.`);
    } else if (notApplied.length === 0) {
      tell(
        'done',
        `${path}: ${shown(from)} → ${shown(to)}. In force on all ${count(nodes)} web nodes after ${count(ms)} ms.`,
      );
    } else {
      tell(
        'late',
        `${path}: ${shown(from)} → ${shown(to)}. Written, but not in force after ${count(ms)} ms: ${notApplied.join(', ')}.`,
      );
    }
    return true;
  } catch (error) {
    tellFailure(error);
    return false;
  }
}

/** @param {string} sku @param {string} state */
async function setState(sku, state) {
  const isMeant =
    state !== 'closed' ||
    (await confirmed(
      `Stop ${sku}?`,
      'Shoppers are told that the sale is over. Orders stay valid.',
    ));
  if (isMeant) await edit('state', { sku, value: state });
}

/** Shows the last edit, and undoes it if it is meant and still the last one. */
async function undo() {
  try {
    const { edit: last } = await call('GET', '/api/edits/last');
    if (last === null) return tell('refused', 'Refused: there is no edit to undo');
    const { id, at, who, path, from, to } = last;
    const text = `${who}, ${moment(at)}: ${shown(from)} → ${shown(to)}`;
    if (await confirmed(`Undo the edit of ${path}?`, text)) await edit('undo', { edit: id });
  } catch (error) {
    tellFailure(error);
  }
}

/** Kept share and challenge: of one product, or of all. @param {string | undefined} sku */
function commonControls(sku) {
  const target = sku === undefined ? {} : { sku };
  const share = textField({ placeholder: SHARE, inputmode: 'decimal' });
  const mode = choice(['off', 'risk', 'on', 'on 2', 'on 4', 'on 8', 'on 16']);
  const byDefault = (/** @type {string} */ kind) => ({
    text: 'Default',
    quiet: true,
    press: () => void edit(kind, { ...target, value: null }),
  });
  const keepControl = control('Kept share', share, [
    { text: 'Set', press: () => void edit('keep', { ...target, value: share.value }) },
    ...(sku === undefined ? [] : [byDefault('keep')]),
  ]);
  const challengeControl = control('Challenge', mode, [
    { text: 'Set', press: () => void edit('challenge', { ...target, value: mode.value }) },
    byDefault('challenge'),
  ]);
  return { keepControl, challengeControl };
}

function createAll() {
  const { keepControl, challengeControl } = commonControls(undefined);
  const way = choice(['random', 'lottery']);
  const shedControl = control('Shed by', way, [
    { text: 'Set', press: () => void edit('shed', { value: way.value }) },
  ]);
  find('#all').append(keepControl, shedControl, challengeControl);
  return (/** @type {any} */ { keep: share, shed, challenge }) => {
    setNow(keepControl, share ?? '1');
    setNow(shedControl, shed ?? 'random');
    setNow(challengeControl, challenge ?? 'off');
  };
}

/** The waitlist of a product, and the time to pay of its sale. @param {any} first */
function waitlistControls({ sku, sale }) {
  const state = choice(['on', 'off']);
  const waitlist = control('Waitlist', state, [
    { text: 'Set', press: () => void edit('waitlist', { sku, value: state.value }) },
  ]);
  const time = textField({ placeholder: '2h' });
  const claims = control('Time to pay after waiting, of the whole sale', time, [
    { text: 'Set', press: () => void setClaimWindow(sale, time.value.trim()) },
    { text: 'Default', quiet: true, press: () => void setClaimWindow(sale, null) },
  ]);
  setShown(claims, sale !== undefined);
  return {
    parts: [waitlist, claims],
    show(/** @type {any} */ now) {
      const known =
        now.waitlisted === null
          ? 'not known'
          : `${count(now.waitlisted)} waiting, ${count(now.waitlistServed)} given, ${count(now.waitlistHeld)} of them unpaid`;
      setNow(waitlist, `${now.waitlist ?? 'on'}; ${known}`);
      setNow(claims, now.claimSeconds === null ? 'not known' : duration(now.claimSeconds * 1_000));
    },
  };
}

/** @typedef {HTMLElement & { show?: (sku: any, nodes: string[]) => void }} Card */

/** @param {any} first the SKU as it is now */
function createCard(first) {
  const { sku } = first;
  const pill = make('span', { class: 'pill' });
  const units = textField({ inputmode: 'numeric', placeholder: 'units' });
  const quota = control('Quota', units, [
    { text: 'Set', press: () => void edit('quota', { sku, value: units.value }) },
  ]);
  const { keepControl, challengeControl } = commonControls(sku);
  const waitlist = waitlistControls(first);
  const node = choice([]);
  const pinned = textField({
    inputmode: 'numeric',
    placeholder: 'units',
    'aria-label': `Units to pin of ${sku}`,
  });
  const pin = control('Pin a web node', node, [
    { text: 'Pin', press: () => void edit('pin', { sku, node: node.value, value: pinned.value }) },
  ]);
  find('label', pin).after(pinned);
  const pins = make('div', { class: 'entries' });
  const states = /** @type {const} */ ([
    ['Open', 'open'],
    ['Pause', 'paused'],
    ['Stop', 'closed'],
  ]);
  const buttons = states.map(([text, state]) => {
    const button = make(
      'button',
      { type: 'button', class: state === 'closed' ? 'danger' : 'quiet' },
      text,
    );
    button.append(make('span', { class: 'spoken' }, ` ${sku}`));
    button.addEventListener('click', () => void setState(sku, state));
    return button;
  });
  /** @type {Card} */
  const card = make(
    'li',
    { class: 'card' },
    make('div', { class: 'card-head' }, make('h3', {}, sku), pill),
    make('div', { class: 'buttons' }, ...buttons),
    quota,
    keepControl,
    challengeControl,
    ...waitlist.parts,
    pin,
    pins,
  );
  card.show = (now, nodes) => {
    setText(pill, now.state ?? 'no state');
    setAttribute(pill, 'data-state', now.state);
    setNow(quota, `${now.quota ?? 'none'}; ${count(now.admitted)} admitted`);
    const share = `${percent(now.share)}${now.isAutomatic ? ' (auto)' : ''}`;
    const way = now.shed === null ? '' : `, by ${now.shed}`;
    setNow(keepControl, `${now.keep === null ? `${share}, as all` : share}${way}`);
    setNow(challengeControl, now.challenge ?? 'as all');
    waitlist.show(now);
    const names = Object.keys(now.pins);
    setNow(pin, names.length === 0 ? 'none' : `${count(names.length)} pinned`);
    keep(
      node,
      nodes,
      (name) => name,
      (name) => make('option', { value: name }, name),
      () => {},
    );
    keep(
      pins,
      names,
      (name) => name,
      (name) => {
        const button = make('button', { type: 'button', class: 'quiet' });
        button.addEventListener('click', () => void edit('pin', { sku, node: name, value: null }));
        return button;
      },
      (button, name) => setText(button, `Unpin ${name} (${now.pins[name]})`),
    );
  };
  return card;
}

const { roles } = await openPage();
const mayEdit = roles.includes('operator');
setShown(find('#role-note'), !mayEdit);
const showAll = createAll();
find('#undo').addEventListener('click', () => void undo());
follow((view) => {
  showTexts(find('#notices'), [
    ...view.missing.map((/** @type {string} */ text) => `Missing here: ${text}`),
    ...view.errors.map(
      (/** @type {any} */ { path, reason }) => `Edit without effect: ${path}: ${reason}`,
    ),
  ]);
  showAll(view);
  const nodes = view.nodes.filter((/** @type {any} */ one) => one.isAlive);
  const names = nodes.map((/** @type {any} */ one) => one.node);
  const list = find('#products');
  setAttribute(list, 'aria-busy', null);
  const skus = view.skus.filter(
    (/** @type {any} */ { quota, state }) => quota !== null || state !== null,
  );
  keep(
    list,
    skus,
    (/** @type {any} */ one) => one.sku,
    createCard,
    (card, sku) => /** @type {Card} */ (card).show?.(sku, names),
  );
});
if (mayEdit) await showLists(find('#lists'), edit);
