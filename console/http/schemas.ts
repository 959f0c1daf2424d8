import { NAME_PATTERN, REASON_LENGTH_MAX } from '../../contracts/names.ts';
import { Type } from '../../contracts/schema-types.ts';

/** Parts of bodies and addresses that several routes have. */

/** A text that is not blank, and that PostgreSQL takes. */
export const NOT_BLANK = '^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$';
/** One line: a control character would act on the terminal of whoever reads the history there. */
const NOT_BLANK_LINE = '^(?=.*\\S)\\P{Cc}*$';
/** Why a person acts, for the history. */
export const Reason = Type.String({ pattern: NOT_BLANK_LINE, maxLength: REASON_LENGTH_MAX });
/**
 * Fields of each change of a sale. The page chooses the id: if it sends a change again because the answer was
 * lost, the change is not made twice.
 */
export const ChangeFields = {
  change: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  reason: Reason,
};
export type ChangeBody = { readonly change?: string; readonly reason: string };
export const SaleParams = Type.Object({ sale: Type.String({ pattern: NAME_PATTERN }) });
