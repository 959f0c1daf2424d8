// @ts-check
/** The sale page: calls the shop, keeps the state, and lets the parts of the page show it. */

import { handIn, resume } from './buyer.js';
import { createClock } from './clock.js';
import { salePhase } from './countdown.js';
import { createDays, dayIn } from './days.js';
import { announce, find, setShown, setText } from './dom.js';
import { createHero, showMissing, showWho } from './hero.js';
import { currentIdentity, identify, leaveGuest } from './identity.js';
import { newKey } from './key.js';
import { texts, titleIn } from './language.js';
import { createNoticePanel } from './notices.js';
import { awaitsPayment, packetOf, unitsHeld } from './orders.js';
import { createOrdersPanel } from './orders-panel.js';
import { backoffMs, pauseOffline } from './pace.js';
import { createPlan } from './plan.js';
import { advance, initialPurchase, isBusy } from './purchase.js';
import { watchSale } from './sale-watch.js';
import { onReturn, steadyNow } from './steady.js';
import { createTile } from './tile.js';
import { onLanguage } from './translate.js';
import { heroPhase, tileView } from './view.js';
import { join, leave, resumeWaitlist } from './waitlist.js';
import { noPlace, waitlistView } from './waitlist-view.js';

/** Ten updates a second keep the digits and the opening on time. */
const LOOK_MS = 100;
/** A shopper who uses the page sees nothing that is older than this. */
const FRESH_MS = 5000;
/** Calls that all open pages make at the same moment, at the opening or midnight, are spread over this time. */
const WITHIN_MS = 30_000;

/**
 * @typedef {import('./purchase.js').Purchase} Purchase
 * @typedef {import('./countdown.js').SaleTimes & import('./hero.js').SaleFacts
 *   & { skus: import('./view.js').Sku[], calledOff?: boolean }} Sale
 *
 * @typedef {object} Product
 * @property {import('./tile.js').Tile} tile
 * @property {Purchase} purchase
 * @property {import('./waitlist-view.js').Place} place
 * @property {boolean} mayBuy the buy button is on
 * @property {string | null} day of daily goods: the last day that was asked for
 * @property {string | null} resumedFor the shopper whose earlier request was resumed
 */

const saleName = decodeURIComponent(location.pathname.split('/').filter(Boolean).at(-1) ?? '');
const clock = createClock();
const showHero = createHero();
/** @type {Sale | null} */
let sale = null;
/** @type {Map<string, Product>} */
const products = new Map();
/** @type {readonly import('./orders.js').Order[]} */
let orders = [];
/** @type {string | null} */
let token = null;
/** @type {string | null} set once the shop has accepted the identity */
let shopper = null;
/** @type {import('./identity.js').Who | null} */
let shownAs = null;
let isMissing = false;
let isOffline = false;
/** Aborted when the guest changes: answers for the previous guest are no longer shown. */
let visit = new AbortController();

const panel = createOrdersPanel({
  token: () => token,
  titleOf: (sku) => {
    const found = sale?.skus.find((each) => each.sku === sku);
    return found === undefined ? sku : titleIn(found, firstLanguage()).text;
  },
  saleTitleOf: (name) =>
    sale === null || name !== saleName ? name : titleIn(sale, firstLanguage()).text,
  onChange: onOrders,
});

const days = createDays({
  sale: saleName,
  token: () => token,
  today: (sku) => dayIn(zoneOf(sku), clock.at(steadyNow())),
  onChange: () => look(),
});

const plan = createPlan({
  sale: saleName,
  terms: planTerms,
  now: () => clock.at(steadyNow()),
  onTake: (sku, seats) => press(sku, seats.length, seats),
});

const notices = createNoticePanel(saleName, () => token);
/** The page waits for the opening and has not asked for orders. */
let areOrdersDue = false;
/** The page was there before the opening. */
let hasWaited = false;
let onceKnown = () => {};
/** Resolves after the first look at the sale, also if it fails. */
const known = new Promise((resolve) => {
  onceKnown = () => resolve(undefined);
});
const watch = watchSale(saleName, clock, {
  onSale: takeSale,
  onMissing: () => {
    isMissing = true;
  },
  onAnswer: (offline) => {
    onceKnown();
    isOffline = offline;
    if (areOrdersDue && !isScheduled()) {
      areOrdersDue = false;
      setTimeout(() => void panel.load(), WITHIN_MS * Math.random());
    }
    look();
  },
});

/** The running call for an identity. All presses that need one share it. */
/** @type {Promise<import('./identity.js').Who> | null} */
let asking = null;

async function who() {
  asking ??= identify();
  const answer = await asking;
  asking = null;
  token = answer.kind === 'known' ? answer.identity.token : null;
  shownAs = answer;
  look();
  return answer;
}

/** @param {Sale} fresh */
function takeSale(fresh) {
  sale = fresh;
  isMissing = false;
  const list = find('#products');
  for (const sku of fresh.skus) {
    let product = products.get(sku.sku);
    if (product === undefined) {
      const tile = createTile(
        sku,
        (quantity) => press(sku.sku, quantity),
        (quantity) => pressWait(sku.sku, quantity),
        () => plan.open(sku.sku),
      );
      product = {
        tile,
        purchase: initialPurchase(),
        place: noPlace(),
        mayBuy: false,
        day: null,
        resumedFor: null,
      };
      products.set(sku.sku, product);
      list.append(tile.element);
    }
  }
  // The sale was removed and put on again with other products.
  for (const [name, { tile }] of products) {
    if (fresh.skus.some(({ sku }) => sku === name)) continue;
    tile.element.remove();
    products.delete(name);
  }
  list.setAttribute('aria-busy', 'false');
  resumeAll();
  look();
}

/** @param {string} sku */
function zoneOf(sku) {
  return sale?.skus.find((each) => each.sku === sku)?.zone;
}

/** The language of the texts of the sale that are in one language only. */
function firstLanguage() {
  return sale?.presentation?.languages?.[0];
}

/** Shows everything, in the language of the page. */
function look() {
  showWho(shownAs);
  setText(find('#network'), isOffline ? texts.sale.offline : '');
  setShown(find('#products'), !isMissing);
  if (isMissing) showMissing();
  if (isMissing || sale === null) return;
  const now = steadyNow();
  const serverNow = clock.at(now);
  showHero(sale, heroPhase(salePhase(sale, serverNow), sale.skus), serverNow);
  for (const sku of sale.skus) {
    const product = products.get(sku.sku);
    if (product === undefined) continue;
    const times = { ...sale, state: sku.state ?? sale.state };
    const { purchase, place } = product;
    const phase = salePhase(times, serverNow);
    const isDaily = sku.goods === 'daily';
    const today = isDaily ? todayOf(sku.sku, product, phase === 'open') : null;
    const held = isDaily ? Number(today?.done === true) : unitsHeld(orders, sku.sku);
    const unpaid = orders.some((order) => order.sku === sku.sku && awaitsPayment(order));
    const opensInMs = Date.parse(sale.opensAt) - serverNow;
    const room = held < sku.limit && !isBusy(purchase);
    product.tile.describe(sku, today?.streak ?? 0, firstLanguage());
    const calledOff = sale.calledOff === true;
    const view = tileView({
      ...{ sku, phase, calledOff, opensInMs, purchase, held, unpaid, now },
      packet: packetOf(orders, sku.sku),
    });
    product.mayBuy = view.button.enabled;
    product.tile.show(
      view,
      waitlistView({
        place,
        availability: sku.availability,
        phase,
        isOffered: sku.waitlist !== 'off',
        room,
        unpaid,
        now: serverNow,
      }),
    );
  }
  panel.show(serverNow, sale.calledOff === true ? saleName : null);
  plan.look();
}

/**
 * Returns the known state of today. At midnight a new day begins on all open pages, and each asks for it.
 * @param {string} sku
 * @param {Product} product
 * @param {boolean} isOpen
 */
function todayOf(sku, product, isOpen) {
  const day = dayIn(zoneOf(sku), clock.at(steadyNow()));
  if (isOpen && shopper !== null && product.day !== day && !isBusy(product.purchase)) {
    const isNewDay = product.day !== null;
    const isCrowd = isNewDay || hasWaited;
    if (isNewDay) product.purchase = initialPurchase();
    product.day = day;
    void days.load(sku, { afterMs: isCrowd ? WITHIN_MS * Math.random() : 0 });
  }
  return days.of(sku);
}

/**
 * @param {string} sku
 * @param {import('./purchase.js').Event} event
 */
function tell(sku, event) {
  const product = products.get(sku);
  if (product === undefined) return;
  product.purchase = advance(product.purchase, event);
  look();
}

/**
 * @param {string} sku
 * @returns {import('./buyer.js').Buyer}
 */
function buyerOf(sku) {
  const { signal } = visit;
  return {
    sale: saleName,
    sku,
    who,
    signal,
    solve: async (challenge) => products.get(sku)?.tile.solve(challenge, signal) ?? null,
    tell: (event) => {
      if (!signal.aborted) tell(sku, event);
    },
    onOrder: (order) => {
      if (signal.aborted) return;
      if (products.get(sku)?.day !== null) void days.load(sku, { isDue: order !== null });
      if (order !== null) plan.clear(sku);
      if (order !== null) panel.take([order]);
      else void panel.load();
      watch.now(); // availability has changed
    },
  };
}

/**
 * @param {string} sku
 * @returns {import('./plan.js').PlanTerms}
 */
function planTerms(sku) {
  const found = sale?.skus.find((each) => each.sku === sku);
  const title = found === undefined ? sku : titleIn(found, firstLanguage()).text;
  const room = Math.max(0, (found?.limit ?? 0) - unitsHeld(orders, sku));
  return { title, room, mayTake: products.get(sku)?.mayBuy === true };
}

/**
 * @param {string} sku
 * @param {number} quantity
 * @param {readonly import('./api.js').Seat[] | null} [seats] chosen on the plan
 */
function press(sku, quantity, seats = null) {
  const before = products.get(sku)?.purchase;
  tell(sku, { type: 'press', now: steadyNow(), key: newKey(), quantity, seats });
  const purchase = products.get(sku)?.purchase;
  if (purchase === undefined || purchase === before || purchase.key === null) return;
  void handIn(buyerOf(sku), {
    key: purchase.key,
    quantity: purchase.quantity,
    seats: purchase.seats,
    unsure: purchase.unsure,
  });
}

/**
 * @param {string} sku
 * @param {Product} product
 */
function waitingShopperOf(sku, product) {
  /** @param {Partial<import('./waitlist-view.js').Place>} change */
  const show = (change) => {
    product.place = { ...product.place, ...change };
    look();
  };
  return { ...buyerOf(sku), show, place: () => product.place };
}

/**
 * @param {string} sku
 * @param {number} quantity
 */
function pressWait(sku, quantity) {
  const product = products.get(sku);
  if (product === undefined) return;
  const waiting = waitingShopperOf(sku, product);
  void (product.place.step === 'waiting' ? leave(waiting) : join(waiting, quantity));
}

/** @param {readonly import('./orders.js').Order[]} fresh */
function onOrders(fresh) {
  orders = fresh;
  for (const [sku, { purchase }] of products) {
    const order = fresh.find((each) => each.orderNo === purchase.orderNo);
    if (order && purchase.phase === 'ended' && order.status !== purchase.status) {
      tell(sku, { type: 'status', status: order.status, orderNo: order.orderNo });
    }
  }
  look();
}

/** Resumes requests of an earlier visit. Needs both the shopper and the products. */
function resumeAll() {
  if (shopper === null) return;
  for (const [sku, product] of products) {
    if (product.resumedFor === shopper) continue;
    product.resumedFor = shopper;
    void resume(buyerOf(sku), shopper);
    void resumeWaitlist(waitingShopperOf(sku, product), shopper);
  }
}

function isScheduled() {
  return sale !== null && salePhase(sale, clock.at(steadyNow())) === 'scheduled';
}

async function arrive() {
  const { signal } = visit;
  for (let failures = 1; ; failures += 1) {
    const answer = await who();
    if (signal.aborted || answer.kind === 'sign_in') return;
    if (answer.kind === 'known') {
      await known;
      if (signal.aborted) return;
      // Hardly anybody has an order of a sale that has not opened: a page that waits for it asks for none.
      hasWaited = isScheduled();
      areOrdersDue = hasWaited;
      const list = areOrdersDue ? null : await panel.load();
      if (signal.aborted) return;
      const forgotten = list?.kind === 'refused' && list.verdict === 'unauthenticated';
      // The shop was set up again and does not know this guest: ask for a new one.
      if (!(forgotten && leaveGuest())) {
        shopper = answer.identity.user;
        void notices.load();
        return resumeAll();
      }
    }
    await pauseOffline(backoffMs(answer, failures, Math.random()), signal);
  }
}

/** Nothing of the shopper before is shown to the next one. */
function changeShopper() {
  visit.abort();
  visit = new AbortController();
  token = null;
  shopper = null;
  for (const product of products.values()) {
    product.purchase = initialPurchase();
    product.place = noPlace();
    product.day = null;
  }
  panel.clear();
  plan.clear();
  days.clear();
  notices.clear();
  void arrive();
}

find('#switch-guest').addEventListener('click', () => {
  if (!leaveGuest()) return;
  changeShopper();
  announce(texts.sale.guestChanged);
});
/** Somebody else may have signed in, or this shopper out or with a new token: in another tab, or in this one on another page. */
function checkShopper() {
  const now = currentIdentity();
  if (shownAs?.kind === 'sign_in' && now !== null) return changeShopper();
  if (shownAs?.kind !== 'known') return;
  const { user, guest } = shownAs.identity;
  // A guest who is gone is replaced in a moment, by the tab in which it left.
  if (now === null ? !guest : now.user !== user) changeShopper();
  else if (now !== null) token = now.token;
}

window.addEventListener('storage', checkShopper);
onReturn(() => {
  // The browser tells a page that stood still in its memory of no change.
  checkShopper();
  watch.now();
  panel.comeBack();
});
window.addEventListener('online', () => {
  watch.now();
  panel.tryAgain();
});
// A page that nobody touches asks ever less often. A shopper who uses it sees the present state.
for (const name of ['pointerdown', 'keydown', 'scroll']) {
  document.addEventListener(name, () => watch.now(FRESH_MS), { passive: true });
}

onLanguage(look);
setInterval(look, LOOK_MS);
void watch.start();
void arrive();
