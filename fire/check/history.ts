/** What the clients of a run have seen, and what was done to the system: one entry a line. */

export interface Call {
  readonly kind: 'call';
  /** The user. */
  readonly who: string;
  readonly name: CallName;
  /** When it was sent and when it ended, in milliseconds since the start of the run. */
  readonly at: number;
  readonly until: number;
  /** The node that was asked. */
  readonly node: string;
  /** Null: no answer, or half of one. */
  readonly status: number | null;
  readonly verdict?: string;
  readonly sku?: string;
  readonly requestId?: string;
  /** Of a press: the units that are wanted. */
  readonly quantity?: number;
  /** A refusal that leaves open whether the request was taken: it says where to ask. */
  readonly isOpen?: true;
  /** What the shop says of the request, or of the place in the waitlist. */
  readonly state?: string;
  readonly order?: SeenOrder;
  /** Only of the list of orders. */
  readonly orders?: readonly SeenOrder[];
  /** The list says that it lacks some. */
  readonly isPartial?: true;
  /** Of a payment: what was paid. */
  readonly payment?: { readonly orderNo: string; readonly reference: string };
  readonly retryAfter?: string;
  readonly error?: string;
}

export type CallName =
  | 'ticket'
  | 'press'
  | 'status'
  | 'pay'
  | 'cancel'
  | 'orders'
  | 'join'
  | 'waiting'
  | 'leave'
  | 'sale';

export interface SeenOrder {
  readonly orderNo: string;
  readonly requestId: string;
  readonly sku: string;
  readonly status: string;
  readonly quantity: number;
  readonly units?: readonly string[];
}

/** A fault began or ended. */
export interface FaultEntry {
  readonly kind: 'fault';
  readonly fault: string;
  readonly target: string;
  readonly phase: 'begin' | 'end';
  readonly at: number;
  readonly until: number;
  /** Why it could not be done, such as a DBA's routine while the database was down. */
  readonly error?: string;
  /** Units that it may have added to a SKU. */
  readonly restocked?: { readonly sku: string; readonly units: number };
}

/** How long the system took after the last fault until it served and decided again. */
export interface Recovery {
  readonly kind: 'recovery';
  readonly tookMs: number;
  readonly limitMs: number;
  /** Each part and probe, and when it was well; null: it never was, with the reason. */
  readonly parts: readonly {
    readonly name: string;
    readonly wellAfterMs: number | null;
    readonly lack?: string;
  }[];
}

/** At the end somebody still wanted units of this SKU and got none. */
export interface StillWanted {
  readonly kind: 'wanted';
  readonly sku: string;
  readonly answers: readonly string[];
}

/** The most units of this SKU that operators have released. Its orders never give units back. */
export interface QuotaEntry {
  readonly kind: 'quota';
  readonly sku: string;
  readonly units: number;
}

/** How long a web node without ZooKeeper may spend what it was granted. */
export interface SessionEntry {
  readonly kind: 'session';
  readonly timeoutMs: number;
}

/** Requests that workers have put aside, because each try to decide them fails. */
export interface AsideEntry {
  readonly kind: 'aside';
  readonly requests: number;
}

export type Entry =
  | Call
  | FaultEntry
  | Recovery
  | StillWanted
  | QuotaEntry
  | SessionEntry
  | AsideEntry;
