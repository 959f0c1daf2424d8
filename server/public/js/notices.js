// @ts-check
/** The panel on which shoppers say that they want to be told by e-mail or by their browser. */

import { addNotices, forgetNotices, noticeSettings, readNotices } from './api.js';
import { find, setShown, setText } from './dom.js';
import { fill, language, pickLanguage, texts } from './language.js';
import { onLanguage } from './translate.js';

/**
 * @typedef {{ channel: 'email' | 'push', status: string, address?: string }} Contact
 * @typedef {'moment' | 'bad' | 'questions' | 'failed' | 'denied' | 'stopped'} Note
 */

/** Whether this browser can show notifications of the shop while the page is closed. */
function canPush() {
  return 'serviceWorker' in navigator && 'PushManager' in window;
}

/** @param {readonly Contact[]} contacts */
function stateOf(contacts) {
  const { emailOn, waiting, pushOn } = texts.notices;
  return contacts
    .map(({ channel, status, address = '' }) =>
      channel === 'push' ? pushOn : fill(status === 'confirmed' ? emailOn : waiting, { address }),
    )
    .join(' ');
}

/** @param {Note} note */
function noteText(note) {
  return note === 'moment' ? texts.oneMoment : texts.notices[note];
}

/**
 * Subscribes this browser. It has one subscription for all sales: a new one would end what it was promised for others. Only of
 * another key of the shop is it of no use.
 * @param {string | null} key
 */
async function subscribe(key) {
  const { pushManager } = await navigator.serviceWorker.register('/service-worker.js');
  const known = await pushManager.getSubscription();
  if (known !== null && keyOf(known) === key) return known;
  await known?.unsubscribe();
  return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

/**
 * The key of the shop, as base64url.
 * @param {PushSubscription} subscription
 */
function keyOf({ options }) {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/**
 * The language of the notices. The page may have messages in a language that the notices do not have.
 * @param {readonly string[]} languages
 */
function spokenBy(languages) {
  return pickLanguage(languages, [language, ...navigator.languages]) ?? 'en';
}

/**
 * @param {{ kind: string, verdict?: string }} answer
 * @param {boolean} isEmail
 * @returns {Note | null}
 */
function noteOf({ kind, verdict }, isEmail) {
  if (kind === 'ok') return null;
  if (verdict === 'rate_limited') return 'questions';
  return verdict === 'bad_request' && isEmail ? 'bad' : 'failed';
}

/** An answer that comes after another action, or another guest, is not shown. */
function createTurns() {
  let turn = 0;
  /** @param {boolean} isNew a new turn begins @returns whether the present turn is still the last one */
  return (isNew) => {
    if (isNew) turn += 1;
    const mine = turn;
    return () => mine === turn;
  };
}

/**
 * @param {string} sale
 * @param {() => string | null} token
 */
export function createNoticePanel(sale, token) {
  const panel = find('#notices');
  const input = /** @type {HTMLInputElement} */ (find('#notice-email'));
  /** @type {{ email: boolean, pushKey?: string, languages: readonly string[] } | null} */
  let settings = null;
  /** @type {readonly Contact[]} */
  let contacts = [];
  /** The message of the last action, until the next one. @type {Note | null} */
  let note = null;
  const turns = createTurns();

  function show() {
    const isOffered = settings !== null && (settings.email || settings.pushKey !== undefined);
    setShown(panel, isOffered && token() !== null);
    setShown(find('#notice-form'), settings?.email === true);
    setShown(find('#notice-push'), settings?.pushKey !== undefined && canPush());
    setShown(find('#notice-stop'), contacts.length > 0);
    setText(find('#notice-state'), note === null ? stateOf(contacts) : noteText(note));
  }

  /** @param {Note | null} text */
  function say(text) {
    note = text;
    show();
  }

  /** @param {{ email?: string, push?: object }} where */
  async function add(where) {
    const isLast = turns(true);
    say('moment');
    const spoken = spokenBy(settings?.languages ?? []);
    const answer = await addNotices(sale, token(), { language: spoken, ...where });
    if (!isLast()) return;
    if (answer.kind === 'ok') contacts = answer.body.contacts;
    say(noteOf(answer, where.email !== undefined));
  }

  async function addPush() {
    const isLast = turns(false);
    try {
      const subscription = await subscribe(settings?.pushKey ?? null);
      if (isLast()) await add({ push: subscription.toJSON() });
    } catch {
      if (isLast()) say(Notification.permission === 'denied' ? 'denied' : 'failed');
    }
  }

  async function stop() {
    const isLast = turns(true);
    const answer = await forgetNotices(sale, token());
    if (!isLast()) return;
    if (answer.kind === 'ok') contacts = [];
    say(answer.kind === 'ok' ? 'stopped' : 'failed');
  }

  find('#notice-form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.checkValidity()) void add({ email: input.value.trim() });
    else say('bad');
  });
  find('#notice-push').addEventListener('click', () => void addPush());
  find('#notice-stop').addEventListener('click', () => void stop());
  onLanguage(show);

  return {
    async load() {
      const offered = await noticeSettings();
      if (offered.kind !== 'ok') return;
      settings = offered.body;
      if (!offered.body.email && offered.body.pushKey === undefined) return;
      const isLast = turns(false);
      const known = await readNotices(sale, token());
      if (!isLast()) return;
      if (known.kind === 'ok') contacts = known.body.contacts;
      show();
    },
    clear() {
      turns(true);
      contacts = [];
      say(null);
    },
  };
}
