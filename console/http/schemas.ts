import { Type } from 'typebox';
import { NAME_PATTERN, REASON_LENGTH_MAX } from '../../contracts/names.ts';

/** Parts of bodies and addresses that several routes have. */

/** A text that is not blank, and that PostgreSQL takes. */
export const NOT_BLANK = '^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$';
/** Why a person acts, for the history. */
export const Reason = Type.String({ pattern: NOT_BLANK, maxLength: REASON_LENGTH_MAX });
export const SaleParams = Type.Object({ sale: Type.String({ pattern: NAME_PATTERN }) });
