import { DatabaseError } from '../client/errors.ts';
import type { Session } from '../client/pool.ts';

/** Writes the routine that shares calls between the present version of a routine and its canary. */

/** The facts about a routine from which its dispatcher is made. */
export interface Shape {
  readonly schema: string;
  readonly name: string;
  readonly arguments: string;
  readonly result: string;
  /** Positions of the input arguments, from 1. */
  readonly inputs: readonly number[];
  /** Names of the output arguments of a routine that returns one record. */
  readonly outputs: readonly string[];
  readonly hasSku: boolean;
  readonly isSet: boolean;
  readonly isDefiner: boolean;
  readonly isVolatile: boolean;
  readonly rows: number;
}

type ShapeRow = Omit<Shape, 'schema' | 'name'> & Record<string, unknown>;

/** @throws {DatabaseError} `refused` if nothing can stand for the routine */
export async function shapeOf(session: Session, schema: string, name: string): Promise<Shape> {
  const [shape, ...overloads] = await session.query<ShapeRow>({
    text: `SELECT pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
                  p.proretset AS "isSet", p.prosecdef AS "isDefiner", p.provolatile = 'v' AS "isVolatile",
                  p.prorows::float8 AS rows,
                  coalesce('p_sku' = ANY (p.proargnames), false) AS "hasSku",
                  ARRAY(SELECT a.no FROM generate_series(1, coalesce(cardinality(p.proargmodes), p.pronargs))
                          AS a (no)
                        WHERE coalesce(p.proargmodes[a.no], 'i') IN ('i', 'b', 'v')) AS inputs,
                  ARRAY(SELECT quote_ident(p.proargnames[a.no])
                        FROM generate_subscripts(p.proargmodes, 1) AS a (no)
                        WHERE p.proargmodes[a.no] IN ('o', 'b')) AS outputs
           FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND p.proname = $2 AND p.prokind = 'f'`,
    values: [schema, name],
  });
  if (shape === undefined || overloads.length > 0) {
    throw new DatabaseError('refused', `there is no routine ${schema}.${name} to compare with`);
  }
  if (shape.result === 'trigger') {
    const message = `${schema}.${name} is a trigger: its table calls it, so no call can be shared`;
    throw new DatabaseError('refused', message);
  }
  return { schema, name, ...shape };
}

/** Calls of a session after its start that are not compared: PostgreSQL compiles and plans meanwhile. */
const FIRST_CALLS = 6;
/** Without a look of judge_canaries for so long, the canary gets no calls and none is recorded. */
const UNJUDGED_S_MAX = 60;

/** The statements that call one version and hand its result on. */
function call(
  { inputs, outputs, isSet, result }: Shape,
  target: string,
  isDynamic = false,
): string {
  const list = inputs.map((no) => `$${no}`).join(', ');
  const statement = `SELECT * FROM ${target}(${list})`;
  const dynamic = `'${statement}'${list === '' ? '' : ` USING ${list}`}`;
  if (isSet) return isDynamic ? `RETURN QUERY EXECUTE ${dynamic};` : `RETURN QUERY ${statement};`;
  if (result === 'void') return isDynamic ? `EXECUTE ${dynamic};` : `PERFORM ${target}(${list});`;
  const into = outputs.length > 0 ? outputs.join(', ') : 'v_result';
  return isDynamic
    ? `EXECUTE '${statement}' INTO ${into}${list === '' ? '' : ` USING ${list}`};`
    : `SELECT * INTO ${into} FROM ${target}(${list});`;
}

/**
 * The text of the dispatcher. It has the name, arguments, result and rights of the routine.
 *
 * - A call that fails in the canary is undone and decided by the present version, so that its caller does
 *   not notice. Sequences count failures, because they survive when the transaction is rolled back.
 * - A call that waited for the end of the canary finds no row: the routine has its own text again. If only
 *   the row is gone, as after a restore of a part, the present version decides.
 * - It is as volatile as the routine, so that one statement of the caller still sees one moment.
 */
export function dispatcher(shape: Shape, run: string): string {
  const { schema, name, hasSku, isSet, outputs, result } = shape;
  const full = `${schema}.${name}`;
  const isScalar = !isSet && outputs.length === 0 && result !== 'void';
  const back = isScalar ? 'RETURN v_result;' : 'RETURN;';
  const bySku = hasSku ? 'coalesce(p_sku = ANY (v_canary.skus), false)' : 'false';
  return `
CREATE OR REPLACE FUNCTION ${full}(${shape.arguments}) RETURNS ${result}
LANGUAGE plpgsql ${shape.isVolatile ? 'VOLATILE' : 'STABLE'} ${shape.isDefiner ? 'SECURITY DEFINER' : ''} ${isSet ? `ROWS ${shape.rows}` : ''}
SET search_path = ${schema}, pg_temp
AS $dispatch$
#variable_conflict use_column
DECLARE
  v_canary record;
  v_by_sku boolean;
  v_is_canary boolean;
  v_began timestamptz;
  v_took_us int;
  v_key text;
  v_calls int;
  ${isScalar ? `v_result ${result};` : ''}
BEGIN
  SELECT c.share, c.skus, c.stopped_at, c.looked_at > now() - interval '${UNJUDGED_S_MAX} s' AS is_judged
  INTO v_canary FROM catalog.canary_now('${schema}', '${name}') c;
  IF NOT FOUND AND to_regproc('${full}_present') IS NULL THEN
    ${call(shape, full, true)}
    ${back}
  END IF;
  IF v_canary.stopped_at IS NOT NULL OR v_canary.is_judged IS NOT TRUE THEN
    ${call(shape, `${full}_present`)}
    ${back}
  END IF;
  v_by_sku := ${bySku};
  v_is_canary := v_by_sku OR random() < v_canary.share;
  v_began := clock_timestamp();
  IF v_is_canary THEN
    BEGIN
      ${call(shape, `${full}_canary`)}
    EXCEPTION
      WHEN query_canceled THEN
        IF current_setting('transaction_read_only') = 'off' THEN
          PERFORM nextval('${full}_canary_failed');
        END IF;
        RAISE;
      WHEN OTHERS THEN
        IF current_setting('transaction_read_only') = 'off' THEN
          PERFORM nextval('${full}_canary_failed');
        END IF;
        v_is_canary := NULL;
    END;
  END IF;
  IF v_is_canary IS NOT TRUE THEN
    BEGIN
      ${call(shape, `${full}_present`)}
    EXCEPTION WHEN query_canceled OR OTHERS THEN
      IF current_setting('transaction_read_only') = 'off' THEN
        PERFORM nextval('${full}_present_failed');
      END IF;
      RAISE;
    END;
  END IF;
  IF current_setting('transaction_read_only') = 'off' THEN
    v_key := 'flashsale.canary_${run}_' || coalesce(v_is_canary, false);
    v_calls := coalesce(nullif(current_setting(v_key, true), ''), '0');
    IF v_calls < ${FIRST_CALLS} THEN
      PERFORM set_config(v_key, (v_calls + 1)::text, false);
    ELSIF v_is_canary IS NOT NULL AND NOT v_by_sku THEN
      v_took_us := extract(epoch FROM clock_timestamp() - v_began) * 1e6;
    END IF;
    PERFORM catalog.note_canary_call('${schema}', '${name}', ${run}, coalesce(v_is_canary, false), v_took_us);
  END IF;
  ${back}
END
$dispatch$`;
}
