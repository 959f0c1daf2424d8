/** Typed calls of the database's routines, for web nodes, workers, the keeper and the CLI. */

export * from './actions.ts';
export * from './call-off.ts';
export * from './canary-states.ts';
export * from './catalog.ts';
export * from './checkouts.ts';
export * from './client/warm.ts';
export * from './days.ts';
export * from './dead-letters.ts';
export * from './new-sales.ts';
export * from './notice-contacts.ts';
export * from './notice-support.ts';
export * from './notices.ts';
export * from './operations.ts';
export * from './orders.ts';
export * from './outbox.ts';
export * from './outcomes.ts';
export * from './payments.ts';
export type { AdmittedRequest } from './place-call.ts';
export * from './refunds.ts';
export * from './restore.ts';
export * from './sale-changes.ts';
export * from './stories.ts';
export * from './support.ts';
export * from './ticket-keys.ts';
export * from './transfers.ts';
export * from './waitlist.ts';
export * from './webhooks.ts';
