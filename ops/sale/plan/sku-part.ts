import { isSameAmount } from '../../../contracts/money.ts';
import { type Section, seatsText } from '../../../contracts/seats.ts';
import type { DesiredSale, DesiredSku } from '../desired.ts';
import { type PresentSale, type PresentSku, presentPot, type SkuSwitches } from '../present.ts';
import { differences } from './differences.ts';
import type { Change, Part, PlanOptions, Refusal, Step } from './parts.ts';

/** The part of a plan for one SKU: its terms, its stock and its values in ZooKeeper. Pure. */

const NOTHING_SET: SkuSwitches = { quota: null, state: null, keep: null, shed: null };

export function partOfSku(
  { sale, launch }: DesiredSale,
  sku: DesiredSku,
  present: PresentSale,
  options: PlanOptions,
): Part {
  const name = sku.sku;
  const known = present.skus.get(name);
  if (known !== undefined && known.sale !== sale) {
    const reason = `this SKU belongs to the sale ${known.sale}, and a SKU belongs to one sale`;
    return { refused: [{ target: name, field: 'sale', from: known.sale, to: sale, reason }] };
  }
  const set = present.switches.get(name) ?? NOTHING_SET;
  const switches = switchesOf(sku, known, set, launch, options);
  const terms = known === undefined ? newTerms(sku) : knownTerms(sku, known, options);
  return {
    changes: [...(terms.changes ?? []), ...switches.changes],
    refused: terms.refused ?? [],
    notes: switches.notes,
    steps: { ...terms.steps, ...switches.steps },
  };
}

/** As a person reads them in a plan. */
function shown(sku: DesiredSku) {
  const { schema: home, title, price, currency, userLimit: limit, presentation = {} } = sku;
  const { zone = null, pot = null, section = null, units } = sku;
  const numbered =
    section === null ? { units } : { goods: 'numbered', units, ...sectionText(section) };
  const counted = pot === null ? numbered : { goods: 'amounts', pot };
  const kind = zone === null ? counted : { goods: 'daily', zone };
  return { home, title, price, currency, limit, ...kind, presentation };
}

/** Many seats would be many lines of a plan. */
function sectionText({ seats, singles }: Section) {
  return { seats: seatsText(seats), singles };
}

function newTerms(sku: DesiredSku): Part {
  const changes = differences(undefined, shown(sku)).map((one) => ({ target: sku.sku, ...one }));
  return { changes, steps: { skus: [{ do: 'create_sku', sku }] } };
}

function knownTerms(sku: DesiredSku, known: PresentSku, { onlyMissing }: PlanOptions): Part {
  const name = sku.sku;
  const { schema, title, price, currency, userLimit, zone, section, presentation } = known;
  const units = loadedUnits(sku, known);
  const pot = presentPot(known);
  const terms = { schema, title, price, currency, userLimit, zone, pot, section, presentation };
  const present = { ...sku, ...terms, units };
  // A creation that was interrupted is completed with the values that the SKU has. That loads its stock.
  const skus = known.isComplete ? [] : [{ do: 'create_sku', sku: present } as const];
  if (onlyMissing) return { steps: { skus } };
  const wanted = isSameAmount(sku.price, price) ? { ...sku, price } : sku;
  const all = differences(shown(present), shown(wanted)).map(
    (one): Change => ({
      target: name,
      ...one,
    }),
  );
  const refused = all.flatMap((one): Refusal[] => {
    const reason = whyNot(one.field, sku, known, units);
    return reason === undefined ? [] : [{ ...one, reason }];
  });
  const fields = new Set(refused.map(({ field }) => field));
  const changes = all.filter(({ field }) => !fields.has(field));
  const steps: { terms: Step[]; stock: Step[] } = { terms: [], stock: [] };
  if (changes.some(({ field }) => field !== 'units') || !known.isAlike) {
    const change = {
      ...{ title: sku.title, price: wanted.price, currency: sku.currency },
      ...{ userLimit: sku.userLimit, presentation: sku.presentation ?? {} },
    };
    steps.terms.push({ do: 'change_sku', sku: name, schema, change });
  }
  if (sku.units > units) {
    steps.stock.push({ do: 'restock', sku: name, schema, units: sku.units - units });
  }
  return { changes, refused, steps: { skus, ...steps } };
}

/**
 * The units that are loaded: those of the file, if the creation was interrupted before it loaded any. Two
 * servers do not both have a SKU whose creation was interrupted after that.
 */
function loadedUnits({ units }: Pick<DesiredSku, 'units'>, known: PresentSku): number {
  return known.isComplete || known.unitsTotal > 0 ? known.unitsTotal : units;
}

/** Why a value of a SKU cannot change: the rules of catalog.change_sku, and those of the stock. */
function whyNot(
  field: string,
  sku: DesiredSku,
  { hasOrders, mostHeld, pot, section }: PresentSku,
  units: number,
): string | undefined {
  if (field === 'home') {
    return `a SKU moves by a command of its own: flashsale db move-sku ${sku.sku} ${sku.schema}`;
  }
  if ((field === 'price' || field === 'currency') && hasOrders) {
    return 'the SKU has orders at the present price';
  }
  if (field === 'seats' || field === 'singles' || (field === 'units' && section !== null)) {
    return 'the section has the units that it was made with';
  }
  if (field === 'goods' || field === 'zone') {
    return 'a SKU stays the goods that it was made as';
  }
  if (field.startsWith('pot.')) return 'the pot was divided when the SKU was made';
  if (field === 'currency' && pot !== null) return 'the packets are amounts of this currency';
  if (field === 'limit' && sku.userLimit < mostHeld) return `a user holds ${mostHeld} units`;
  if (field === 'units' && sku.units < units) {
    return `${units} units are loaded, and none can be taken away: a lower quota ends the sale earlier`;
  }
  return undefined;
}

function switchesOf(
  sku: DesiredSku,
  known: PresentSku | undefined,
  set: SkuSwitches,
  launch: string | undefined,
  { onlyMissing = false }: PlanOptions,
) {
  const { sku: name, keep } = sku;
  const { quota, note } = quotaOf(sku, known, set.quota);
  const wanted = {
    keep: keep === undefined ? undefined : String(keep),
    shed: launch,
    quota,
    state: set.state === null ? 'open' : undefined,
  };
  const changes: Change[] = [];
  const steps: { switches: Step[]; states: Step[] } = { switches: [], states: [] };
  for (const field of ['keep', 'shed', 'quota', 'state'] as const) {
    const [from, to] = [set[field], wanted[field]];
    if (to === undefined || to === from || (onlyMissing && from !== null)) continue;
    changes.push({ target: name, field, from, to });
    const phase = field === 'state' ? steps.states : steps.switches;
    phase.push({ do: 'set', sku: name, name: field, text: to });
  }
  return { changes, steps, notes: note === undefined || onlyMissing ? [] : [note] };
}

/** The quota to write: that of the file, or all units, unless somebody has set it below them. */
function quotaOf(
  { sku, quota, units }: DesiredSku,
  known: PresentSku | undefined,
  set: string | null,
): { quota?: string; note?: string } {
  if (quota !== undefined) return { quota: String(quota) };
  const loaded = known === undefined ? units : loadedUnits({ units }, known);
  if (set === null) return { quota: String(Math.max(units, loaded)) };
  if (units <= loaded) return {};
  if (Number(set) >= loaded) return { quota: String(Math.max(units, Number(set))) };
  return { note: `the quota of ${sku} stays at ${set}, because it was set below the units` };
}
