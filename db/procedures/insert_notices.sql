-- insert_notices: inserts the notices of events for the contacts of their users. A notice that exists stays as it
-- is. Part of plan_notices and add_notice_contact.
--
-- Parameters
--   p_notices  an array of objects: sale, user, order (number), kind, event (number, 0 if an order has the kind
--              once), happened, next, until (times), facts. The names are those of the columns of catalog.notice
--   p_contact  only this contact; NULL: those that existed when the event happened
-- Result: the number of new notices
-- Tables: reads catalog.tunable, notice_contact; writes notice
-- Locks, in order: the contacts, shared, ascending; the keys of the new notices
-- Errors: 23514 the table does not allow a value

CREATE OR REPLACE FUNCTION catalog.insert_notices(p_notices jsonb, p_contact uuid) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
  -- Locked, so that nobody confirms a contact between this look and the commit: a notice of a contact that is
  -- confirmed must not stay held.
  WITH contact AS MATERIALIZED (
    SELECT c.* FROM notice_contact c
    WHERE (c.sale, c.user_id) IN (
        SELECT n.sale, n."user" FROM jsonb_to_recordset(p_notices) AS n (sale text, "user" text))
      AND (p_contact IS NULL OR c.contact = p_contact)
    ORDER BY c.contact FOR SHARE
  ), wanted AS (
    SELECT c.contact, c.channel, c.confirmed_at, n.*,
           row_number() OVER (PARTITION BY c.contact ORDER BY n.event, n."order", n.kind)
             + (SELECT count(*) FROM notice h WHERE h.contact = c.contact) AS place
    FROM jsonb_to_recordset(p_notices) AS n (
      sale text, "user" text, "order" bigint, kind text, event bigint, happened timestamptz,
      next timestamptz, until timestamptz, facts jsonb)
    JOIN contact c ON c.sale = n.sale AND c.user_id = n."user"
    WHERE p_contact IS NOT NULL OR c.created_at <= n.happened
  ), inserted AS (
    INSERT INTO notice (contact, order_no, kind, event_no, channel, state, facts, happened_at, due_at,
                        next_at, until_at)
    SELECT w.contact, w."order", w.kind, w.event, w.channel,
           CASE WHEN w.confirmed_at IS NULL THEN 'held' ELSE 'due' END, w.facts, w.happened, w.next,
           w.next, w.until
    FROM wanted w
    WHERE w.place <= tunable('notices_per_contact_max')
    ORDER BY w.contact, w."order", w.kind, w.event
    ON CONFLICT (contact, order_no, kind, event_no) DO NOTHING
    RETURNING 1
  )
  SELECT count(*) FROM inserted
$routine$;

ALTER FUNCTION catalog.insert_notices OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.insert_notices IS
  'Inserts the notices of events: part of plan_notices and add_notice_contact';
REVOKE ALL ON FUNCTION catalog.insert_notices FROM PUBLIC;
