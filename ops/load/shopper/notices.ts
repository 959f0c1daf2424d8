import { textOf } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import { type Visit, WRITE_TIMEOUT_MS } from '../client/visit.ts';
import type { Plan } from '../plan/read.ts';
import type { Tally } from '../report/tally.ts';

/**
 * What a page does about notices: looks which ones the shop offers, and reads those of the shopper. Some
 * shoppers ask to be told by e-mail. A push subscription comes from the service of a browser's maker, so
 * nobody asks for that.
 */

interface Reader {
  readonly plan: Plan;
  readonly visit: Visit;
  readonly tally: Tally;
  readonly token: string;
}

/** @param number of the shopper, in the address; undefined if this one does not ask */
export async function seeNotices(reader: Reader, number: number | undefined): Promise<void> {
  const { plan, visit, tally, token } = reader;
  const offer = await visit.call({ name: 'notice-offer', path: pathOf('notice-offer') });
  if (offer.kind !== 'ok') return;
  const { email } = offer.body as { readonly email?: boolean };
  if (email !== true && textOf(offer.body, 'pushKey') === undefined) return;
  const path = pathOf('notices', { sale: plan.sale });
  await visit.call({ name: 'notices', path, token });
  if (number === undefined || email !== true) return;
  if (plan.noticeEmail === undefined) {
    tally.gaps.add(
      'shoppers who asked for no notice, because the plan has no address (notices.email)',
    );
    return;
  }
  const body = { language: 'en', email: plan.noticeEmail.replaceAll('{number}', String(number)) };
  await visit.call({ name: 'notice-ask', path, token, body, timeoutMs: WRITE_TIMEOUT_MS });
}
