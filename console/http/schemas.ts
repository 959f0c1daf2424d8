import { Type } from 'typebox';
import { NAME_PATTERN } from '../../contracts/names.ts';

/** Parts of bodies and addresses that several routes have. */

/** As catalog.action allows it. */
const REASON_LENGTH_MAX = 1_000;

/** Why a person acts, for the history. */
export const Reason = Type.String({ pattern: '\\S', maxLength: REASON_LENGTH_MAX });
export const SaleParams = Type.Object({ sale: Type.String({ pattern: NAME_PATTERN }) });
