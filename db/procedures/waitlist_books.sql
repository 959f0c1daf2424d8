-- waitlist_books: checks the waitlist of each SKU: each unit that came back went to one order, by claims and
-- rank. Part of audit.
--
-- To find places that were passed over, it walks back in time over the places and over the moments at which
-- places were served. A stack holds the worst position that was served at each later moment. It leaves out
-- a moment if an earlier one on it has the same position or a worse one. For each place, a binary search
-- finds the earliest moment at which a worse position was served. (Comparing each served place with all
-- others takes minutes for 10,000 of them.)
--
-- Parameters: none
-- Result: as in audit; one row for each place or order
-- Tables: reads catalog.sale, waiting, orders
-- Locks: none
-- Errors: none

CREATE OR REPLACE FUNCTION :schema.waitlist_books()
RETURNS TABLE (
  promise text, sku text, detail text, expected bigint, actual bigint, remedy text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = :schema, pg_temp
AS $routine$
#variable_conflict use_column
DECLARE
  v_row    record;
  v_line   text;                    -- the sale and SKU of the stack
  v_at     timestamptz[] := '{}';   -- the stack: moments, the earliest on top,
  v_place  bigint[] := '{}';        -- and the worst position that was served then, the best on top
  v_top    int := 0;
  v_low    int;
  v_middle int;
  v_high   int;
  v_passed uuid[] := '{}';          -- places that were passed over without a reason
BEGIN
  IF NOT EXISTS (SELECT FROM waiting) THEN RETURN; END IF;

  RETURN QUERY
  SELECT 'line', w.sku, format('user %s was served with order %s', w.user_id, w.order_no), 1::bigint,
         count(o.order_no), 'the order was deleted by hand or is somebody else''s: see its outcome'
  FROM waiting w
  LEFT JOIN orders o ON o.order_no = w.order_no AND o.sale = w.sale AND o.sku = w.sku
                    AND o.user_id = w.user_id
  WHERE w.state = 'served' GROUP BY w.sku, w.user_id, w.order_no HAVING count(o.order_no) <> 1
  UNION ALL
  SELECT 'line', min(w.sku), format('order %s was made for one entry of the line', w.order_no), 1,
         count(*), 'set state and order_no of the other entries right'
  FROM waiting w WHERE w.order_no IS NOT NULL GROUP BY w.order_no HAVING count(*) > 1
  UNION ALL
  SELECT 'line', w.sku, format('the rank of user %s is not that of the lottery', w.user_id), 0, 1,
         'somebody changed the line by hand: set rank to catalog.lottery_rank(sale, user_id)'
  FROM (SELECT a.sale, array_agg(DISTINCT a.user_id) AS user_ids FROM waiting a GROUP BY 1) s
  CROSS JOIN LATERAL catalog.lottery_ranks(s.sale, s.user_ids) r
  JOIN waiting w ON w.sale = s.sale AND w.user_id = r.user_id COLLATE "C"
  WHERE w.rank <> r.rank;

  FOR v_row IN
    WITH placed AS (
      SELECT w.sale || ' ' || w.sku AS line, w.entry, w.state, w.asked_at, w.passed_over_at, w.ended_at,
             dense_rank() OVER (PARTITION BY w.sale, w.sku ORDER BY w.claims, w.rank, w.user_id) AS place
      FROM waiting w)
    SELECT p.line, p.ended_at AS at, NULL::uuid AS entry, NULL::timestamptz AS until,
           max(p.place) AS place
    FROM placed p WHERE p.state = 'served' GROUP BY p.line, p.ended_at
    UNION ALL
    -- A place that was passed over for a reason is checked only from that moment on.
    SELECT p.line, greatest(p.asked_at, p.passed_over_at), p.entry,
           coalesce(p.ended_at, 'infinity'), p.place
    FROM placed p
    -- A place did not exist yet at the moment of its own beginning, so places come first.
    ORDER BY 1, 2 DESC, 3 NULLS LAST
  LOOP
    IF v_line IS DISTINCT FROM v_row.line THEN
      v_line := v_row.line;
      v_top := 0;
    END IF;
    IF v_row.entry IS NULL THEN
      WHILE v_top > 0 AND v_place[v_top] <= v_row.place LOOP
        v_top := v_top - 1;
      END LOOP;
      v_top := v_top + 1;
      v_at[v_top] := v_row.at;
      v_place[v_top] := v_row.place;
    ELSE
      -- v_low: the highest entry of the stack with a worse position than that of this place.
      v_low := 0;
      v_high := v_top;
      WHILE v_low < v_high LOOP
        v_middle := (v_low + v_high + 1) / 2;
        IF v_place[v_middle] > v_row.place THEN
          v_low := v_middle;
        ELSE
          v_high := v_middle - 1;
        END IF;
      END LOOP;
      IF v_low > 0 AND v_at[v_low] < v_row.until THEN
        v_passed := v_passed || v_row.entry;
      END IF;
    END IF;
  END LOOP;

  RETURN QUERY
  SELECT 'line', e.sku, format('user %s was served before user %s, whose turn it was', e.user_id,
                               b.user_id), 0::bigint, 1::bigint, 'somebody changed the line by hand, or a bug'
  FROM waiting e
  CROSS JOIN LATERAL (
    -- A place that existed at that moment, came first, and had no reason to be passed over.
    SELECT w.user_id FROM waiting w
    WHERE w.entry = ANY (v_passed) AND w.sale = e.sale AND w.sku = e.sku AND w.asked_at < e.ended_at
      AND (w.ended_at IS NULL OR w.ended_at > e.ended_at)
      AND (w.claims, w.rank, w.user_id) < (e.claims, e.rank, e.user_id)
      AND (w.passed_over_at IS NULL OR w.passed_over_at < e.ended_at)
    LIMIT 1) b
  WHERE e.state = 'served' AND v_passed <> '{}';
END
$routine$;

ALTER FUNCTION :schema.waitlist_books OWNER TO flashsale_owner;
COMMENT ON FUNCTION :schema.waitlist_books IS
  'Checks the waitlist of each SKU: part of audit';
REVOKE ALL ON FUNCTION :schema.waitlist_books FROM PUBLIC;
