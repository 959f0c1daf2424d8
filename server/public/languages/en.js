// @ts-check
/**
 * The messages of the page in English. This file says which messages there are: the other files of
 * this folder have the same ones. `docs/languages.md` explains how they are written.
 */

export default /** @type {const} */ ({
  shop: 'Flash sale',
  language: 'Language',
  languageChanged: 'This page is now in English.',
  needsScript: 'This page needs JavaScript.',
  free: 'Free',
  loading: 'Loading',
  oneMoment: 'One moment.',

  /** How two sentences, and a title and its explanation, are joined. */
  sentences: '{first} {second}',
  titled: '{title}. {text}',

  list: {
    skip: 'Skip to the sales',
    headline: 'Few units.',
    headline2: 'One moment.',
    choose: 'Choose a sale and be there when it opens.',
    heading: 'Sales',
    none: 'No sale is announced yet. The next one appears here by itself.',
    offline: 'No connection to the shop right now. This page keeps trying.',
  },

  sale: {
    skip: 'Skip to the products',
    newGuest: 'New guest',
    guestChanged: 'You are now another guest.',
    guest: 'Guest {name}',
    signedIn: 'Signed in',
    signIn: 'Sign in at the shop to take part',
    coming: 'The sale is on its way',
    products: 'Products',
    pageTitle: '{phase}: {title}',
    offline:
      'No connection to the shop right now. This page keeps trying. Requests that the shop already has are safe.',
  },

  missing: {
    pageTitle: 'No such sale',
    pill: 'Not found',
    title: 'There is no such sale',
    text: 'It may have been removed. The list of sales shows what is on.',
  },

  /** The phase of a sale, of a few words. */
  phases: {
    scheduled: 'Coming up',
    open: 'On sale now',
    paused: 'Paused',
    sold_out: 'Sold out',
    closed: 'Ended',
  },

  /** In front of the digits of the countdown. */
  countdown: {
    scheduled: 'Opens in',
    open: 'Closes in',
    paused: 'Paused for now. Closes in',
    sold_out: 'Every unit is sold. Closes in',
    closed: 'This sale has ended',
  },
  units: { days: 'days', hours: 'hours', minutes: 'min', seconds: 'sec' },

  when: {
    noProducts: 'The products are not here yet',
    opens: 'Opens {time}, your time',
    until: 'Until {time}, your time',
    endedEarly: 'Ended early by the shop',
    closed: 'Closed {time}, your time',
  },

  /** Read out by screen readers when it happens. */
  announcements: {
    opensSoon: 'The sale opens {when}.',
    open: 'The sale is open.',
    paused: 'The sale is paused.',
    sold_out: 'Everything is sold out.',
    closed: 'The sale has ended.',
  },

  rules: {
    heading: 'How it works',
    clock: 'One clock.',
    clockText:
      'The buttons turn on by the shop’s clock, wherever you are. You do not need to reload.',
    press: 'One press.',
    pressText: 'A request in the queue counts once. You can close the page and come back.',
    guessing: 'No guessing.',
    guessingText: '“Sold out” means that every unit is paid for. Until then, units can come back.',
    lottery: 'A fair lottery.',
    lotteryText:
      'If far more people press than there are units, the shop may let in only a share of them by lottery.',
    lotteryLink: 'How the lottery works, and how anyone can check it',
  },

  badges: {
    scheduled: 'Coming up',
    paused: 'Paused',
    closed: 'Sale ended',
    plenty: 'In stock',
    daily: 'Once a day',
    few: 'Few left',
    maybe: 'Maybe: units may come back',
    sold_out: 'Sold out',
  },

  /** The buy button. Short: it has to fit on a phone. After `opensIn` and `againIn` comes a time. */
  button: {
    inQueue: 'In the queue',
    busy: 'One moment',
    closed: 'Sale ended',
    reserved: 'Reserved for you',
    yours: 'It is yours',
    opensIn: 'Opens in',
    paused: 'Paused',
    soldOut: 'Sold out',
    impossible: 'Not possible',
    againIn: 'Again in',
    try: 'Try for one',
    buy: 'Buy now',
    today: 'Get today’s',
    draw: 'Open a packet',
    of: ': {title}',
  },

  tile: {
    quantityOf: 'Quantity of {title}',
    limit: { one: 'One per person', other: 'Up to {count} units per person' },
    daily: 'One a day',
    streak: { one: '{count} day in a row', other: '{count} days in a row' },
    payOrCancel: 'Pay or cancel',
    seeOrder: 'See your order',
  },

  /** The plan on which seats are chosen. `free`, `taken` and `chosen` follow the name of a seat. */
  plan: {
    open: 'Choose on the plan',
    title: 'Plan of {title}',
    how: 'Choose with a tap, or with the arrow keys and the space bar. Without a choice, the shop gives you the best that is free.',
    front: 'Front',
    part: 'Rows that are shown',
    free: 'free',
    taken: 'taken',
    chosen: 'chosen',
    place: '{unit}, {state}',
    none: 'Nothing is chosen yet. You can choose up to {count}.',
    full: 'You cannot choose more than {count}.',
    have: 'Chosen: {units}.',
    single:
      'A single place would be left alone between others. Choose another one, or that one as well.',
    lost: 'Someone else was faster: {units}. Choose again.',
    take: 'Take these',
    close: 'Back',
    offline: 'The plan cannot be loaded right now. This page keeps trying.',
    old: 'As of {time}. The shop does not know anything newer right now.',
  },

  /** A pot of money that is divided into packets. After `divided` comes a number that anyone can check. */
  packets: {
    pot: {
      one: '{sum} in {count} packet, one per person',
      other: '{sum} in {count} packets, one per person',
    },
    divided: 'Divided before the sale opened. SHA-256 of the division:',
    got: 'You got {sum}',
    paidOut: 'The shop pays it out to you.',
  },

  /** When to try again. `when` is like "in 5 seconds". */
  again: {
    tryIn: 'Try again {when}.',
    tryNow: 'You can try again now.',
    trySpoken: 'The button says when you can try again.',
    checkIn: 'Check again {when}.',
    checkNow: 'You can check now whether it is reached.',
    checkSpoken: 'The button says when you can check again.',
  },

  waitlist: {
    join: 'Join the waitlist',
    leave: 'Leave the waitlist',
    next: 'You are next',
    ahead: { one: '{count} shopper before you', other: '{count} shoppers before you' },
    held: 'A unit that comes back is held for you here. The waitlist goes by lottery rank, not by time: a shopper with a better rank who joins later goes before you.',
    allPaid: 'Every unit is paid for, so none can come back at present.',
    tryToBuy: 'Not every unit is taken: try to buy one, or stay in the waitlist.',
    served: 'A unit is held for you',
    servedText: 'Until {time}. Pay now to keep it.',
    ended: 'The sale has ended',
    endedWaiting: 'No unit came back for you.',
    endedText: 'No unit came back for you before it ended.',
  },

  orders: {
    heading: 'Your orders',
    incomplete:
      'Some of your orders cannot be shown at the moment. They are safe, and this page keeps looking for them.',
    older: 'Show older orders',
    olderUnanswered: 'No answer from the shop. Your orders are safe: try again.',
    number: 'Order {number}, {time}',
    seat: 'Row {row}, seat {seat}',
    payWithin: 'Pay within {time}',
    payUntil: 'until {time}',
    awaiting: 'Waiting for your payment',
    payOver: 'The time to pay is over. The shop takes the units back.',
    pay: 'Pay now',
    payTitle: 'Pay now: {title}',
    cancel: 'Cancel order',
    cancelTitle: 'Cancel order: {title}',
    announcement: '{title}: {state}.',
    refundDue: 'A payment that this order cannot use will be returned to you: {sum}.',
    refundDone: 'A payment that this order could not use was returned to you: {sum}.',
    refundDoneAt: 'A payment that this order could not use was returned to you: {sum}, {time}.',
    /** The refund of an order that the shop ended. */
    shopRefundDue: 'Your payment will be returned to you: {sum}.',
    shopRefundDone: 'Your payment was returned to you: {sum}.',
    shopRefundDoneAt: 'Your payment was returned to you: {sum}, {time}.',
    payUnsure:
      'No answer yet. Your payment may have arrived: the order will show it. Paying again never charges you twice.',
    cancelUnsure: 'No answer yet. The order will show whether it was cancelled.',
    ownCheckout:
      'This shop takes payments at its own checkout. Your order is kept for you until the time shown.',
  },

  /** What is shown at the door for the units of a paid order. */
  doorTickets: {
    show: 'Show tickets',
    hide: 'Hide tickets',
    print: 'Print',
    use: 'Show one code for each person at the door. Each lets in once. If you give an order back, its codes are void.',
    alt: 'QR code: {unit}',
    order: 'Order {number}',
    unanswered: 'No answer from the shop. Your tickets are safe: try again.',
  },

  cancelDialog: {
    question: 'Cancel your order of {title}?',
    text: 'Someone else can then get it at once, and you may not get another one.',
    keep: 'Keep it',
    cancel: 'Cancel order',
  },

  /** Refusals, by the `verdict` of the API: nothing was ordered, and no unit was taken. */
  verdicts: {
    shed: {
      title: 'Not let in this time',
      text: 'So many people pressed at the same moment that only a share of the requests was let in.',
    },
    rate_limited: {
      title: 'A little too fast',
      text: 'You or your network sent more requests than the shop takes at once.',
    },
    cooldown: {
      title: 'Please wait before your next request',
      text: 'The shop took a request from you a moment ago. It takes one per person every few seconds.',
    },
    quota_spent: {
      title: 'None available here right now',
      text: 'This is not sold out: more units may become available here at any moment.',
    },
    quota_unavailable: {
      title: 'This part of the shop cannot sell right now',
      text: 'It is waiting to hear how many units it may sell.',
    },
    overloaded: {
      title: 'The shop is very busy',
      text: 'Your request was not taken, so that the people who are already waiting can be served.',
    },
    status_unavailable: {
      title: 'The status is not available right now',
      text: 'The shop cannot look up your request at the moment. This does not change its result.',
    },
    sold_out: {
      title: 'Sold out',
      text: 'Every unit has been sold and paid for, so none can come back.',
    },
    not_open: {
      title: 'Not open yet',
      text: 'The button turns on by itself at the announced time.',
    },
    paused: {
      title: 'The sale is paused',
      text: 'The shop has stopped the sale for now. Requests that it already took are still decided.',
    },
    closed: { title: 'The sale has ended', text: 'No new requests are taken.' },
    ticket_invalid: {
      title: 'Your ticket has expired',
      text: 'A ticket is valid for a few seconds only. Press again to get a new one.',
    },
    blocked: {
      title: 'This account cannot take part',
      text: 'The shop has excluded this account or network from the sale. Its support can tell you why.',
    },
    units_available: {
      title: 'Not every unit is taken',
      text: 'Try to buy one. The waitlist is for units that come back. It opens when none is left.',
    },
    limit_reached: {
      title: 'You have as many as one person may buy',
      text: 'A place in the waitlist would not get you more.',
    },
    line_full: {
      title: 'The waitlist is full',
      text: 'Every place in it is taken. Some may become free in a while.',
    },
    no_waitlist: {
      title: 'There is no waitlist now',
      text: 'Units that come back can be bought by everybody. Look here again.',
    },
    bad_request: {
      title: 'The shop did not understand this page',
      text: 'Reload the page: it may be out of date.',
    },
  },

  /** The status or the outcome of a request that was taken. */
  outcomes: {
    queued: {
      title: 'Your request is in the queue',
      text: 'It is safe and counts once. You can stay here or come back later.',
    },
    ordered: { title: 'It is yours', text: 'Pay in time to keep it.' },
    paid: { title: 'Paid', text: 'Thank you. This order is complete.' },
    free: { title: 'It is yours', text: 'It costs nothing, so there is nothing to pay.' },
    cancelled: { title: 'Order cancelled', text: 'Its units were given back.' },
    expired: {
      title: 'Order expired',
      text: 'It was not paid in time, so its units were given back.',
    },
    refund_due: {
      title: 'Your payment will be returned',
      text: 'It came after the order had ended, and no unit could be sold for it.',
    },
    refunded: {
      title: 'Your payment was returned',
      text: 'It came after the order had ended, and no unit could be sold for it.',
    },
    sold_out: { title: 'Sold out', text: 'The last unit went to a request before yours.' },
    limit_reached: {
      title: 'You have as many as one person may buy',
      text: 'This request was not added to your orders.',
    },
    closed: {
      title: 'The sale has ended',
      text: 'Your request was decided after the end of the sale, and nothing was ordered.',
    },
    rejected: {
      title: 'This request could not be taken',
      text: 'Nothing was ordered with it. If you press again, you send a new request.',
    },
  },

  /** What only the page knows. */
  page: {
    asking: { title: 'Getting your ticket', text: 'One moment.' },
    sending: { title: 'Sending your request', text: 'One moment.' },
    solving: {
      title: 'A small computation first',
      text: 'Your device solves it by itself within seconds and then asks for your ticket again.',
    },
    puzzle_failed: {
      title: 'The computation could not be solved here',
      text: 'No ticket was given. It needs a current browser on a secure (https) connection: reload the page, or use another browser.',
    },
    reaching: {
      title: 'No connection to the shop',
      text: 'Your request has not been sent yet. This page keeps trying for you.',
    },
    unsure: {
      title: 'The connection was interrupted',
      text: 'The shop may already have your request. This page asks again with the same number, so it counts once.',
    },
    unanswered: {
      title: 'No answer from the shop',
      text: 'Your request has not been sent. Check your connection.',
    },
    waitlist_unsure: {
      title: 'No answer from the shop',
      text: 'You may already have a place in the waitlist. Asking again never gives you a second one.',
    },
    not_found_yet: {
      title: 'The shop has no record of your request',
      text: 'It has most likely never arrived. Press again: it keeps its number, so it counts once.',
    },
    following: {
      title: 'Your request is in the queue',
      text: 'The connection was interrupted, but the shop has your request. This page keeps asking for the result.',
    },
    unauthenticated: {
      title: 'Please sign in',
      text: 'Sign in at the shop, then come back to this page to take part.',
    },
    not_found: { title: 'Not found', text: 'The shop has nothing at this address for you.' },
    not_allowed_now: {
      title: 'Too late for that',
      text: 'The order has changed. You now see its current state.',
    },
    internal_error: {
      title: 'Something went wrong at the shop',
      text: 'You did nothing wrong. What you send again counts once.',
    },
    preview: {
      title: 'This is a preview',
      text: 'Nothing can be bought here. Shoppers can press this button when the sale is open.',
    },
  },

  /** A verdict or an outcome, with a reason that changes what is true. */
  reasons: {
    'closed/called_off': {
      title: 'The shop has called this sale off',
      text: 'Orders of this sale are cancelled, and whoever has paid gets the money back.',
    },
    'cancelled/by_shop': {
      title: 'The shop cancelled this order',
      text: 'Its support can tell you why.',
    },
    'cancelled/called_off': {
      title: 'Order cancelled',
      text: 'The shop has called this sale off.',
    },
    'shed/lottery': {
      title: 'Your place in the lottery is not reached',
      text: 'It stays the same however often you press. The shop may let in more people later, and then your place may be reached.',
    },
    'quota_spent/too_few_now': {
      title: 'Not as many available right now',
      text: 'Some of the units that you ask for are available: ask for fewer, or try again for all of them.',
    },
    'queued/delayed': {
      title: 'Your request takes longer than usual',
      text: 'It is safe and counts once. Somebody at the shop has to look at it. You can come back later.',
    },
    'sold_out/units_may_return': {
      title: 'All units are taken for now',
      text: 'Units that are not paid for in time come back. They go first to the shoppers in the waitlist.',
    },
    'sold_out/all_drawn': {
      title: 'All packets are drawn',
      text: 'The pot was divided once, and none comes back.',
    },
    'rejected/refused_by_operator': {
      title: 'The shop could not decide this request',
      text: 'Nothing was ordered with it, and nothing is held for it. If you press again, you send a new request.',
    },
    'rejected/request_id_taken': {
      title: 'This request could not be taken',
      text: 'Its number belongs to someone else. If you press again, you get a new number.',
    },
    'rejected/seats_taken': {
      title: 'Someone else was faster',
      text: 'Nothing was ordered: a place that you chose is taken. The plan shows what is free now.',
    },
    'rejected/leaves_single': {
      title: 'A single place would be left alone',
      text: 'Nothing was ordered. Choose so that no single place is left between others.',
    },
  },

  /** The computation before a ticket, and why the shop asks for it. */
  puzzle: {
    label: 'A small computation for your ticket',
    verifying: 'Your device is computing…',
    verified: 'Solved',
    error: 'The computation could not be solved here.',
    waitAlert: 'The computation is running. Please wait.',
  },
  puzzleCauses: {
    operator: 'The shop asks everybody for one at the moment.',
    user_rate: 'The shop asks because you pressed very often.',
    network_rate: 'The shop asks because your network sent very many requests.',
    network_users: 'The shop asks because very many people come from your network.',
    late_ticket: 'The shop asks because your last ticket was used late.',
    missing_headers:
      'The shop asks because your browser tells less about itself than other browsers do.',
  },

  lottery: {
    back: 'Back to the sale',
    heading: 'The lottery of a sale',
    headingOf: 'The lottery of “{title}”',
    summary: 'When far more people press than there are units, only a share of them is let in.',
    how: 'How it works',
    rank: 'Every user has a rank between 0 and 1: the first 48 bits of HMAC-SHA-256 of the user, keyed with a secret of the sale. A request is let in if the rank of its user is below the kept share. Pressing again does not change the rank.',
    atRandom:
      'Right now, requests are let in at random, and each press has a new chance. Ranks only decide who in the waitlist is served first.',
    below: 'Right now, ranks below {share} are let in.',
    everyRank: 'Right now, every rank is let in.',
    hash: 'The secret was created together with the sale. Its SHA-256 hash is shown here from the start, so nobody can replace the secret:',
    secret: 'The secret',
    secretLater: 'It is shown here once the closing time of the sale has passed.',
    uncheckable:
      'Your browser cannot check the secret without https. Anyone can check it with: {command}',
    kept: 'This is the secret whose hash was shown before the sale: your browser has just checked it.',
    broken: 'This is not the secret whose hash is shown. The shop has not kept its word.',
    user: 'User',
    compute: 'Compute the rank',
    result:
      'Rank {rank}: requests of this user were let in while the kept share was at least {share}.',
    missing: 'There is no such sale.',
    offline: 'No connection to the shop. This page keeps trying.',
  },

  /** The panel for e-mail and notifications, and the page behind the links in them. */
  notices: {
    heading: 'Hear from us without this page',
    intro:
      'We tell you when you have ordered, when your time to pay is about to end, and when a unit that you wait for is yours.',
    email: 'E-mail address',
    ask: 'Write to me',
    push: 'Notify this device',
    stop: 'Stop telling me',
    waiting: 'Look into your mailbox: a link there confirms {address}.',
    emailOn: 'We write to {address}.',
    pushOn: 'Notifications are on.',
    bad: 'We cannot write to that address.',
    questions: 'Several links were sent already. Look for the last one, or try again tomorrow.',
    failed: 'That did not work. Try again.',
    denied: 'Your browser does not allow notifications from this shop.',
    stopped: 'You are not told any more.',
    confirmHeading: 'Confirm your e-mail address',
    confirmText: 'After that, we write to you about your orders of this sale.',
    confirm: 'Confirm',
    confirmed: 'Confirmed. We write to you about your orders.',
    leaveHeading: 'Unsubscribe',
    leaveText: 'After that, we no longer write to you about your orders of this sale.',
    leave: 'Unsubscribe',
    left: 'You are unsubscribed.',
    gone: 'This link is not valid any more.',
    toShop: 'To the shop',
  },
});
