// @ts-check
/** The panel on which shoppers say that they want to be told by e-mail or by their browser. */

import { addNotices, forgetNotices, noticeSettings, readNotices } from './api.js';
import { find, setShown, setText } from './dom.js';
import { noticeLanguage, noticeTexts } from './notice-texts.js';

/**
 * @typedef {{ channel: 'email' | 'push', status: string, address?: string }} Contact
 * @typedef {ReturnType<typeof noticeTexts>} Texts
 */

/** Whether this browser can show notifications of the shop while the page is closed. */
function canPush() {
  return 'serviceWorker' in navigator && 'PushManager' in window;
}

/**
 * @param {string} sale
 * @param {() => string | null} token
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a module of short functions over what the panel shows
export function createNoticePanel(sale, token) {
  const panel = find('#notices');
  const input = /** @type {HTMLInputElement} */ (find('#notice-email'));
  /** @type {{ email: boolean, pushKey?: string } | null} */
  let settings = null;
  /** @type {readonly Contact[]} */
  let contacts = [];
  /** The message of the last action, until the next one. */
  /** @type {keyof Texts | null} */
  let note = null;

  function show() {
    const email = contacts.find(({ channel }) => channel === 'email');
    const texts = noticeTexts(email?.address);
    const isOffered = settings !== null && (settings.email || settings.pushKey !== undefined);
    setShown(panel, isOffered && token() !== null);
    setShown(find('#notice-form'), settings?.email === true);
    setShown(find('#notice-push'), settings?.pushKey !== undefined && canPush());
    setShown(find('#notice-stop'), contacts.length > 0);
    for (const [id, name] of /** @type {const} */ ([
      ['#notices-heading', 'heading'],
      ['#notice-intro', 'intro'],
      ['#notice-label', 'email'],
      ['#notice-ask', 'ask'],
      ['#notice-push', 'push'],
      ['#notice-stop', 'stop'],
    ])) {
      setText(find(id), texts[name]);
    }
    const isOn = contacts.some(({ channel }) => channel === 'push');
    const states = [
      ...(email ? [email.status === 'confirmed' ? texts.emailOn : texts.waiting] : []),
      ...(isOn ? [texts.pushOn] : []),
    ];
    setText(find('#notice-state'), note === null ? states.join(' ') : texts[note]);
  }

  /** @param {keyof Texts | null} text */
  function say(text) {
    note = text;
    show();
  }

  /** @param {{ email?: string, push?: object }} where */
  async function add(where) {
    say('moment');
    const answer = await addNotices(sale, token(), { language: noticeLanguage(), ...where });
    if (answer.kind === 'ok') contacts = answer.body.contacts;
    const isBad = answer.kind === 'refused' && answer.verdict === 'bad_request';
    const isTooMuch = answer.kind === 'refused' && answer.verdict === 'rate_limited';
    if (answer.kind === 'ok') say(null);
    else if (isTooMuch) say('questions');
    else say(isBad ? 'bad' : 'failed');
  }

  async function addPush() {
    try {
      const registration = await navigator.serviceWorker.register('/service-worker.js');
      const subscription = await registration.pushManager.subscribe({
        userVisibleOnly: true,
        applicationServerKey: settings?.pushKey ?? null,
      });
      await add({ push: subscription.toJSON() });
    } catch {
      say('denied');
    }
  }

  async function stop() {
    const answer = await forgetNotices(sale, token());
    if (answer.kind !== 'ok') return say('failed');
    contacts = [];
    say('stopped');
  }

  find('#notice-form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.checkValidity()) void add({ email: input.value.trim() });
    else say('bad');
  });
  find('#notice-push').addEventListener('click', () => void addPush());
  find('#notice-stop').addEventListener('click', () => void stop());
  new MutationObserver(show).observe(document.documentElement, { attributeFilter: ['lang'] });

  return {
    async load() {
      const offered = await noticeSettings();
      if (offered.kind !== 'ok') return;
      settings = offered.body;
      if (!offered.body.email && offered.body.pushKey === undefined) return;
      const known = await readNotices(sale, token());
      if (known.kind === 'ok') contacts = known.body.contacts;
      show();
    },
    clear() {
      contacts = [];
      say(null);
    },
  };
}
