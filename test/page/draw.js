/**
 * Runs in the sale page: draws each state that the page can be in, and returns the words of each, with
 * those that do not fit. Everything is drawn by the page's own modules, at fixed times.
 */

/** Where the scripts of this version are. */
const scripts = document.querySelector('script[type=module]').src;
const NAMES = 'dom hero language messages orders-panel plan purchase tile view'.split(' ');
const OPENS = Date.parse('2030-01-02T12:00:00Z');
const CLOSES = Date.parse('2030-01-02T13:00:00Z');
const SALE = {
  sale: 'demo',
  title: '42',
  opensAt: new Date(OPENS).toISOString(),
  closesAt: new Date(CLOSES).toISOString(),
};
const ORDER = {
  orderNo: '77',
  requestId: '77',
  sale: 'demo',
  sku: '42',
  quantity: 2,
  amount: '9.50',
  currency: 'XTS',
  createdAt: SALE.opensAt,
  payBefore: SALE.closesAt,
};

/**
 * The words in an element: of its text nodes, and of what screen readers read instead of them. Without
 * those that are in a language of their own.
 */
function wordsIn(root) {
  const words = [];
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (parentElement?.closest('noscript, option[lang]') == null) words.push(data);
  }
  for (const element of root.querySelectorAll('[aria-label], [alt]')) {
    words.push(element.getAttribute('aria-label') ?? '', element.getAttribute('alt') ?? '');
  }
  return words.map((text) => text.trim()).filter((text) => text !== '');
}

/** Every purchase that a tile may show. */
function purchasesOf({ initialPurchase }, texts) {
  const of = (changes) => ({ ...initialPurchase(), ...changes });
  const reasons = Object.keys(texts.reasons).map((each) => each.split('/'));
  const refusals = [
    ...Object.keys({ ...texts.verdicts, ...texts.page }).map((verdict) => [verdict, null]),
    ...reasons,
  ];
  const ends = [...Object.keys(texts.outcomes).map((status) => [status, null]), ...reasons];
  return [
    of({}),
    ...[null, ...Object.keys(texts.puzzleCauses)].map((reason) =>
      of({ phase: 'asking', solving: true, reason }),
    ),
    of({ phase: 'asking' }),
    of({ phase: 'asking', offline: true }),
    of({ phase: 'sending' }),
    of({ phase: 'sending', unsure: true }),
    of({ phase: 'queued' }),
    of({ phase: 'queued', offline: true }),
    of({ phase: 'queued', reason: 'delayed' }),
    ...[0, 7_000].flatMap((restUntil) => [
      ...refusals.map(([verdict, reason]) => of({ phase: 'refused', verdict, reason, restUntil })),
      ...ends.map(([status, reason]) => of({ phase: 'ended', status, reason, restUntil })),
    ]),
  ];
}

function placesOf() {
  const steps = 'none asking leaving refused served limit_reached closed'.split(' ');
  const place = { step: 'waiting', ahead: 0, verdict: 'line_full', payBefore: SALE.closesAt };
  return [
    ...steps.map((step) => ({ ...place, step })),
    ...[0, 1, 2, 5, 11, 100, 1_000_000].map((ahead) => ({ ...place, ahead })),
  ];
}

const HALL = [
  { row: '1', from: 1, to: 5 },
  { row: '2', from: 1, to: 5 },
];

/** Shows the plan in each of its states, with answers of a shop that is not there. */
async function drawPlan({ createPlan }, see) {
  const dialog = document.querySelector('#plan');
  const { fetch } = window;
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
  let answer = () => Promise.reject(new Error('no answer'));
  window.fetch = (url, ...rest) =>
    String(url).endsWith('/units') ? answer() : fetch(url, ...rest);
  const board = (free, asOf = OPENS) => {
    const facts = { seats: HALL, singles: 'avoid', free: btoa(String.fromCharCode(...free)) };
    const body = JSON.stringify({ ...facts, asOf: new Date(asOf).toISOString() });
    return async () => new Response(body, { headers: { etag: body } });
  };
  const plan = createPlan({
    sale: 'demo',
    terms: () => ({ title: '42', room: 2, mayTake: true }),
    now: () => OPENS,
    onTake() {},
  });
  const looks = async (next) => {
    answer = next;
    document.dispatchEvent(new Event('visibilitychange'));
    await settled();
    see(dialog);
  };
  const pick = (...places) => {
    for (const at of places) {
      const seat = dialog.querySelector(`[data-at="${at}"]`);
      seat.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    }
    see(dialog);
  };
  plan.open('nothing is known');
  see(dialog);
  await settled();
  see(dialog);
  dialog.close();
  answer = board([255, 255]);
  plan.open('42');
  await settled();
  see(dialog);
  pick(1);
  pick(0);
  pick(2);
  await looks(board([127, 255]));
  await looks(board([127, 255], OPENS - 60_000));
  dialog.close();
  window.fetch = fetch;
}

(async () => {
  const modules = await Promise.all(
    [...NAMES, 'waitlist-view'].map((name) => import(new URL(`${name}.js`, scripts).href)),
  );
  const page = Object.assign({}, ...modules);
  const drawn = [];
  const [cut, measured] = [new Set(), new Set()];

  drawn.push(wordsIn(document.body), [document.title]);
  for (const template of document.querySelectorAll('template')) {
    drawn.push(wordsIn(template.content));
  }

  const sku = { sku: '42', title: '42', price: '9.50', currency: 'XTS', availability: 'plenty' };
  const tile = page.createTile(
    sku,
    () => {},
    () => {},
  );
  document.querySelector('#products').append(tile.element);
  const show = (input, place) => {
    const { phase, held = 0, unpaid = false, streak = 0, sku: of } = input;
    tile.describe(of, streak);
    tile.show(
      page.tileView({ opensInMs: 93_600_000, held, unpaid, now: 2_000, ...input }),
      page.waitlistView({
        place,
        availability: of.availability,
        phase,
        isOffered: true,
        room: held < of.limit,
        unpaid,
        now: Date.now(),
      }),
    );
    drawn.push(wordsIn(tile.element));
    for (const element of tile.element.querySelectorAll('button, .badge, .limit, .to-orders')) {
      const text = element.textContent;
      if (measured.has(text)) continue;
      measured.add(text);
      if (element.scrollWidth > element.clientWidth + 1) cut.add(text);
    }
  };
  const none = page.noPlace();
  const ready = page.initialPurchase();
  const both = [true, false];
  for (const phase of ['scheduled', 'open', 'paused', 'closed']) {
    for (const availability of ['plenty', 'few', 'maybe', 'sold_out']) {
      const of = { ...sku, availability, limit: 2 };
      for (const unpaid of both) {
        for (const held of [0, 1, 2]) show({ sku: of, phase, purchase: ready, held, unpaid }, none);
        for (const place of placesOf()) show({ sku: of, phase, purchase: ready, unpaid }, place);
      }
    }
  }
  for (const limit of [1, 2, 3, 11, 100]) {
    const free = { ...sku, limit, price: '0.00' };
    for (const held of [0, limit]) show({ sku: free, phase: 'open', purchase: ready, held }, none);
  }
  for (const streak of [0, 1, 2, 3, 11, 100, 1_000_000]) {
    const daily = { ...sku, limit: 1, price: '0.00', goods: 'daily' };
    for (const held of [0, 1]) {
      show({ sku: daily, phase: 'open', purchase: ready, held, streak }, none);
    }
  }
  for (const packets of [1, 2, 3, 11, 100, 100_000]) {
    const pot = { amount: '100.00', packets, sha256: '0'.repeat(64) };
    const amounts = { ...sku, limit: 1, price: '0.00', goods: 'amounts', pot };
    show({ sku: amounts, phase: 'open', purchase: ready }, none);
    const packet = { amount: '3.42', currency: 'XTS' };
    show({ sku: amounts, phase: 'open', purchase: ready, held: 1, packet }, none);
  }
  show({ sku: { ...sku, limit: 2, goods: 'numbered' }, phase: 'open', purchase: ready }, none);
  for (const purchase of purchasesOf(page, page.texts)) {
    show({ sku: { ...sku, limit: 3 }, phase: 'open', purchase }, none);
  }
  show({ sku: { ...sku, limit: 1 }, phase: 'closed', purchase: ready, calledOff: true }, none);
  tile.element.remove();

  await drawPlan(page, (dialog) => {
    drawn.push(wordsIn(dialog));
    for (const button of dialog.querySelectorAll('button')) {
      if (button.scrollWidth > button.clientWidth + 1) cut.add(button.textContent);
    }
  });

  const say = () =>
    drawn.push(wordsIn(document.querySelector('#hero')), [
      document.title,
      document.querySelector('#announcer').textContent,
      document.querySelector('#who').textContent,
    ]);
  const showHero = page.createHero();
  for (const [phase, at] of [
    ['scheduled', OPENS - 90_000_000],
    ['scheduled', OPENS - 3_601_000],
    ['scheduled', OPENS - 3_599_000],
    ['scheduled', OPENS - 299_000],
    ['scheduled', OPENS - 9_000],
    ['scheduled', OPENS + 1],
    ['open', OPENS],
    ['paused', OPENS],
    ['sold_out', OPENS],
    ['closed', OPENS],
    ['closed', CLOSES],
  ]) {
    showHero(SALE, phase, at);
    say();
  }
  page.showMissing();
  say();
  const identity = { user: '123456', token: '' };
  for (const who of [
    { kind: 'known', identity: { ...identity, guest: true } },
    { kind: 'known', identity: { ...identity, guest: false } },
    { kind: 'sign_in' },
    null,
  ]) {
    page.showWho(who);
    say();
  }

  const refund = { status: 'done', amount: '9.50', at: SALE.opensAt };
  const panel = page.createOrdersPanel({
    token: () => null,
    titleOf: () => '42',
    saleTitleOf: () => '42',
    onChange() {},
  });
  const states = ['ordered', 'paid', 'cancelled', 'expired'].flatMap((status) => [
    { status },
    { status, quantity: 1, amount: '0.00', payBefore: null },
    { status, amount: '0.00', packet: { amount: '3.42', currency: 'XTS' } },
    { status, units: [{ row: '7', seat: '12' }, { row: '7', seat: '13' }, { seat: '99' }] },
    { status, refund },
    { status, refund: { ...refund, at: undefined } },
    { status, refund: { ...refund, status: 'due' } },
    ...['by_shop', 'called_off'].flatMap((reason) => [
      { status, reason },
      { status, reason, refund },
      { status, reason, refund: { ...refund, at: undefined } },
      { status, reason, refund: { ...refund, status: 'due' } },
    ]),
  ]);
  panel.take(states.map((state, at) => ({ ...ORDER, orderNo: `${at}`, ...state })));
  for (const at of [OPENS, CLOSES + 1]) {
    panel.show(at, null);
    drawn.push(wordsIn(document.querySelector('#orders')));
  }
  panel.clear();
  return { drawn, cut: [...cut] };
})();
