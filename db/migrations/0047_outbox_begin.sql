-- The relay of a schema reads the oldest events of the outbox. While a transaction holds a snapshot, the events that have
-- left it remain in its index, and each look passes all of them. So the relay notes up to which number nothing can be
-- there any more (docs/decisions/0086).

SET LOCAL ROLE flashsale_owner;

DO $$
DECLARE
  v_schema text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    EXECUTE format(
      'ALTER TABLE %I.outbox_relay
         ADD COLUMN gone_until bigint NOT NULL DEFAULT 0,
         ADD COLUMN seen_no    bigint,
         ADD COLUMN seen_xid   xid8', v_schema);
    EXECUTE format('COMMENT ON COLUMN %I.outbox_relay.gone_until IS %L', v_schema,
      'No event up to this number is in the outbox or can come into it. 0 after another worker has taken over: it looks at all of them once');
    EXECUTE format('COMMENT ON COLUMN %I.outbox_relay.seen_no IS %L', v_schema,
      'The last event number when the lease was last prolonged; NULL: not known');
    EXECUTE format('COMMENT ON COLUMN %I.outbox_relay.seen_xid IS %L', v_schema,
      'The transaction that noted seen_no. When it and all earlier ones have ended, no event up to seen_no comes any more');
    EXECUTE format('COMMENT ON COLUMN %I.stock_slot.slot IS %L', v_schema,
      'Number of the slot within the SKU, from 1 on; renew_slots makes all slots anew, 1024 numbers higher');
  END LOOP;
END
$$;

RESET ROLE;
