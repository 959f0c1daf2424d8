/**
 * Types of the page's pure modules, for tests and for the crowd of ops/load. The page is plain JavaScript for browsers, outside of
 * the project's type check; its own (JSDoc, with the DOM) is run by `types.test.ts`, which also
 * compiles these tests against the real modules, so that the two cannot drift apart.
 */

declare module '*/public/js/clock.js' {
  export interface Sample {
    serverTimeMs: number;
    sentAt: number;
    receivedAt: number;
    resolutionMs?: number;
  }
  export function createClock(): {
    sample(sample: Sample): void;
    at(monotonicMs: number): number;
    known(): boolean;
    samples(): number;
  };
}

declare module '*/public/js/steady.js' {
  export function steadyNow(): number;
  export function onReturn(listener: () => void): void;
}

declare module '*/public/js/countdown.js' {
  export type SalePhase = 'scheduled' | 'open' | 'paused' | 'closed';
  export function salePhase(
    sale: { state: string; opensAt: string; closesAt: string },
    serverNowMs: number,
  ): SalePhase;
  export function secondsLeft(remainingMs: number): number;
  export function shortTime(remainingMs: number): string;
  export function spokenTime(remainingMs: number): string;
  export function milestone(beforeMs: number, nowMs: number): number | null;
}

declare module '*/public/js/pace.js' {
  export function pollDelayMs(input: {
    phase: 'scheduled' | 'open' | 'paused' | 'closed';
    opensInMs: number;
    quietMs: number;
    hidden: boolean;
    random: number;
  }): number;
  export function growingDelayMs(
    quietMs: number,
    firstMs: number,
    longestMs: number,
    random: number,
  ): number;
  export function refundLookDelayMs(looks: number, random: number): number;
  interface Answer {
    kind: 'unanswered';
  }
  interface Refused {
    kind: 'refused';
    retryAfterSeconds: number;
    status: number;
    verdict: string;
    statusUrl: string | null;
    reason: string | null;
    challenge: unknown;
  }
  export function backoffMs(
    answer: Answer | Refused,
    failures: number,
    random: number,
    longestMs?: number,
  ): number;
}

declare module '*/public/js/brand.js' {
  type Colors = Partial<Record<'accent' | 'background' | 'text', string>>;
  export function paintOf(
    colors?: Colors,
  ): { scheme: string; properties: Record<string, string> } | null;
}

declare module '*/public/js/language.js' {
  export const LANGUAGES: Record<string, string>;
  export function speak(tag: string, variants?: readonly string[]): Promise<void>;
  export function direction(): 'rtl' | 'ltr';
  export function pickLanguage<Tag extends string>(
    available: readonly Tag[],
    wanted: readonly string[],
  ): Tag | undefined;
  export function textIn(
    byLanguage: Readonly<Record<string, string>> | undefined,
    first: string | undefined,
    otherwise: string,
  ): { text: string; language: string | undefined };
  export function fill(template: string, values: Readonly<Record<string, string>>): string;
  export const texts: typeof import('*/public/languages/en.js').default;
}

declare module '*/public/languages/en.js' {
  interface Words {
    readonly title: string;
    readonly text: string;
  }
  const texts: {
    readonly verdicts: Record<string, Words>;
    readonly outcomes: Record<string, Words>;
    readonly page: Record<string, Words>;
    readonly reasons: Record<string, Words>;
    readonly tile: { readonly limit: { readonly other: string } };
  };
  export default texts;
}

declare module '*/public/js/messages.js' {
  import type { Order } from '*/public/js/orders.js';
  export interface Message {
    tone: 'busy' | 'good' | 'wait' | 'stop';
    title: string;
    text: string;
    again: 'later' | 'opening' | 'lottery' | 'never' | 'none';
  }
  export function verdictMessage(verdict: string, reason?: string | null): Message;
  export function puzzleMessage(cause: string | null): Message;
  export function outcomeMessage(status: string, reason?: string): Message;
  export function orderMessage(order: Order): Message;
  export function unitsText(order: Order): string;
  export function unitText(unit: { row?: string; seat: string }): string;
  export function refundText(order: Order): string;
  export function againText(message: Message, seconds: number): string;
}

declare module '*/public/js/purchase.js' {
  export const PRESS_REST_MS: number;
  export interface Purchase {
    phase: 'ready' | 'asking' | 'sending' | 'queued' | 'refused' | 'ended';
    key: string | null;
    quantity: number;
    seats: readonly { row?: string; seat: string }[] | null;
    unsure: boolean;
    solving: boolean;
    offline: boolean;
    restUntil: number;
    verdict: string | null;
    status: string | null;
    reason: string | null;
    orderNo: string | null;
  }
  export type Event =
    | {
        type: 'press';
        now: number;
        key: string;
        quantity: number;
        seats?: readonly { row?: string; seat: string }[] | null;
      }
    | {
        type: 'restored';
        key: string;
        quantity: number;
        accepted: boolean;
        seats?: readonly { row?: string; seat: string }[] | null;
      }
    | { type: 'ticket' | 'unanswered' | 'accepted' }
    | { type: 'puzzle'; cause: string | null }
    | {
        type: 'refused';
        now: number;
        verdict: string;
        retryAfterSeconds: number;
        reason?: string | null;
      }
    | { type: 'gave_up' | 'not_known'; now: number }
    | { type: 'status'; status: string; reason?: string | null; orderNo?: string | null };
  export function initialPurchase(): Purchase;
  export function isBusy(purchase: Purchase): boolean;
  export function mayPress(purchase: Purchase, now: number): boolean;
  export function advance(purchase: Purchase, event: Event): Purchase;
}

declare module '*/public/js/view.js' {
  import type { Purchase } from '*/public/js/purchase.js';
  export interface Sku {
    sku: string;
    title: string;
    price: string;
    currency: string;
    limit: number;
    availability: 'plenty' | 'few' | 'maybe' | 'sold_out';
    goods?: 'daily' | 'amounts' | 'numbered';
    pot?: { amount: string; packets: number; sha256?: string };
    zone?: string;
    state?: string;
  }
  export interface TileInput {
    sku: Sku;
    phase: 'scheduled' | 'open' | 'paused' | 'closed';
    opensInMs: number;
    purchase: Purchase;
    held: number;
    unpaid: boolean;
    calledOff?: boolean;
    packet?: { amount: string; currency: string };
    now: number;
  }
  export function tileView(input: TileInput): {
    badge: { kind: string; text: string };
    button: { label: string; tick: string; enabled: boolean; busy: boolean };
    status: { tone: string; title: string; text: string } | null;
    again: string;
    againSpoken: string;
    quantity: boolean;
    plan: string;
    toOrders: string;
  };
  export function heroPhase(phase: TileInput['phase'], skus: readonly Sku[]): string;
  export function limitText(sku: Sku, streak: number): string;
  export function whenText(
    sale: { opensAt: string; closesAt: string },
    phase: TileInput['phase'],
    serverNowMs: number,
  ): string;
}

declare module '*/public/js/plan-layout.js' {
  export interface Board {
    seats: readonly ({ row: string; from: number; to: number } | string)[];
    singles: 'avoid' | 'allow';
    free: string;
    asOf: string;
  }
  export interface Unit {
    at: number;
    row: string | undefined;
    seat: string;
    line: number;
    x: number;
    y: number;
  }
  export interface Layout {
    units: readonly Unit[];
    rows: readonly (readonly Unit[])[];
    columns: number;
  }
  export function layoutOf(seats: Board['seats']): Layout;
  export function partsOf(layout: Layout, unitsMax?: number): (readonly Unit[])[][];
  export function freeOf(base64: string, count: number): boolean[];
  export function unitAfter(
    rows: readonly (readonly Unit[])[],
    from: Unit,
    press: { key: string; ctrlKey?: boolean },
  ): Unit | undefined;
  export function leavesSingle(
    units: readonly Unit[],
    free: readonly boolean[],
    chosen: ReadonlySet<number>,
  ): boolean;
}

declare module '*/public/js/waitlist-view.js' {
  export interface Place {
    step:
      | 'none'
      | 'asking'
      | 'waiting'
      | 'leaving'
      | 'served'
      | 'limit_reached'
      | 'closed'
      | 'refused';
    ahead: number;
    verdict: string;
    payBefore: string | null;
  }
  export function noPlace(): Place;
  export function waitlistView(input: {
    place: Place;
    availability: string;
    phase: string;
    isOffered: boolean;
    room: boolean;
    unpaid: boolean;
    now: number;
  }): { title: string; text: string; button: string; enabled: boolean };
}

declare module '*/public/js/orders.js' {
  export interface Order {
    orderNo: string;
    requestId: string;
    sale: string;
    sku: string;
    quantity: number;
    amount: string;
    currency: string;
    status: string;
    createdAt: string;
    payBefore?: string | null;
    reason?: string;
    refund?: { status: 'due' | 'done'; amount: string; currency?: string; at?: string };
    packet?: { amount: string; currency: string };
    units?: readonly { row?: string; seat: string }[];
  }
  export function awaitsPayment(order: Order): boolean;
  export function payLeftMs(order: Order, serverNowMs: number): number;
  export function unitsHeld(orders: readonly Order[], sku: string): number;
  export function packetOf(orders: readonly Order[], sku: string): Order['packet'];
  export function mergeOrders(known: readonly Order[], fresh: readonly Order[]): Order[];
}

declare module '*/public/js/api.js' {
  export function retrySeconds(header: string | null, nowMs: number): number;
  export function shopTime(
    headers: Headers,
    written?: string,
  ): {
    serverTimeMs: number;
    resolutionMs: number;
    ageMs: number;
  };
}

declare module '*/public/js/key.js' {
  export function uuidOf(bytes: Uint8Array, nowMs: number): string;
}

declare module '*/public/js/format.js' {
  export function plural(forms: { readonly other: string }, count: number): string;
  export function money(amount: string, currency: string): string;
  export function pictureOf(sku: string, title: string): string;
}

declare module '*/public/js/rank.js' {
  export function rankOf(secret: string, user: string): Promise<number>;
  export function isPromised(secret: string, secretSha256: string): Promise<boolean>;
}

declare module '*/public/languages/ar.js' {
  type Forms = { readonly other: string };
  const texts: { readonly waitlist: { readonly ahead: Forms } };
  export default texts;
}

declare module '*/public/js/sale-watch.js' {
  export function watchSale(
    name: string,
    clock: ReturnType<typeof import('*/public/js/clock.js').createClock>,
    listener: {
      onSale(sale: object): void;
      onMissing(): void;
      onAnswer(isOffline: boolean): void;
    },
  ): { start(): Promise<void>; now(freshMs?: number): void };
}

declare module '*/public/js/sale/document.js' {
  export interface SaleForm {
    languages: string[];
    skus: Record<string, unknown>[];
  }
  export function newSku(): Record<string, unknown>;
  export function newSale(nowMs: number): SaleForm;
  export function formOf(file: unknown): SaleForm;
  export function fileOf(form: SaleForm): Record<string, unknown>;
}

declare module '*/public/js/sale/drafts.js' {
  import type { SaleForm } from '*/public/js/sale/document.js';

  export function keepDraft(
    login: string,
    sale: string,
    draft: { readonly form: SaleForm; readonly version: string },
  ): boolean;
  export function findDraft(
    login: string,
    sale: string,
  ): { readonly form: SaleForm; readonly version: string } | null;
}

declare module '*/public/js/sale/times.js' {
  export function wallClock(text: string, zone: string): string;
  export function timeText(wall: string, zone: string): string;
}
