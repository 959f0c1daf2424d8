import { type DesiredSale, timeOf } from '../desired.ts';
import type { PresentSale } from '../present.ts';
import { differences } from './differences.ts';
import type { Part, PlanOptions, Refusal } from './parts.ts';

/** The part of a plan for the sale itself: title, times, pay window, presentation. Pure. */

interface Facts {
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  readonly payWindowSeconds: number;
  readonly presentation: object;
}

/** As a person reads them in a plan. */
function shown({ title, opensAt, closesAt, payWindowSeconds, presentation }: Facts) {
  return {
    title,
    opens: opensAt,
    closes: closesAt,
    payWindow: `${payWindowSeconds}s`,
    presentation,
  };
}

export function partsOfSale(
  desired: DesiredSale,
  present: PresentSale,
  { onlyMissing = false, countFrom = present.now }: PlanOptions,
): Part {
  const { sale, title, payWindowSeconds, presentation = {} } = desired;
  const { sale: known } = present;
  const facts = {
    ...{ title, payWindowSeconds, presentation },
    opensAt: known && 'afterMs' in desired.opens ? known.opensAt : timeOf(desired.opens, countFrom),
    closesAt:
      known && 'afterMs' in desired.closes ? known.closesAt : timeOf(desired.closes, countFrom),
  };
  const all = differences(known && shown(known), shown(facts)).map((one) => ({
    target: sale,
    ...one,
  }));
  const whys = new Map(refusedTimes(sale, facts, present));
  const changes = all.filter(({ field }) => !whys.has(field));
  const refused = all.flatMap((one): Refusal[] => {
    const reason = whys.get(one.field);
    return reason === undefined ? [] : [{ ...one, reason }];
  });
  if (known === undefined) {
    return { changes, refused, steps: { sale: [{ do: 'create_sale', sale: { sale, ...facts } }] } };
  }
  // A creation that was interrupted is completed with the values that the sale has.
  const completing = known.isComplete
    ? []
    : [{ do: 'create_sale', sale: { sale, ...known } } as const];
  if (onlyMissing) return { steps: { sale: completing } };
  if (all.length === 0 && known.isAlike) return { steps: { sale: completing } };
  const change = { title, payWindowSeconds, presentation, ...changedTimes(facts, known) };
  const changing = [{ do: 'change_sale', sale, change } as const];
  const steps =
    facts.opensAt < known.opensAt
      ? { sale: completing, opening: changing }
      : { sale: [...completing, ...changing] };
  return { changes, refused, steps };
}

/** Without times that stay: the database may have them finer than milliseconds. */
function changedTimes({ opensAt, closesAt }: Facts, known: NonNullable<PresentSale['sale']>) {
  const isOpening = !known.isAlike || opensAt.getTime() !== known.opensAt.getTime();
  const isClosing = !known.isAlike || closesAt.getTime() !== known.closesAt.getTime();
  return { ...(isOpening && { opensAt }), ...(isClosing && { closesAt }) };
}

/** The times that cannot be, with the reason: the rules of catalog.change_sale, and one more. */
function refusedTimes(
  sale: string,
  { opensAt, closesAt }: Facts,
  { sale: known, now }: PresentSale,
): [string, string][] {
  const refused: [string, string][] = [];
  if (known?.hasOpened && opensAt.getTime() !== known.opensAt.getTime()) {
    const since = known.opensAt.toISOString();
    const reason = `the sale has opened, and shoppers have tickets: write ${since} into the file, or pause the sale`;
    refused.push(['opens', reason]);
  }
  if (known && closesAt.getTime() === known.closesAt.getTime() && opensAt < closesAt)
    return refused;
  if (known && known.closesAt <= now) {
    refused.push(['closes', 'the sale has closed, and shoppers were told so']);
  } else if (closesAt <= opensAt) {
    refused.push(['closes', 'the sale would close before it opens']);
  } else if (closesAt <= now) {
    const instead = known ? `: to end the sale now, flashsale sale close ${sale}` : '';
    refused.push(['closes', `this time has passed${instead}`]);
  }
  return refused;
}
