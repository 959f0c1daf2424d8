-- Comments of schemas, tables, columns and sequences in plain English. It changes nothing but comments, and
-- its locks let orders go on.

SET LOCAL ROLE flashsale_owner;

COMMENT ON SCHEMA catalog IS 'Sales, SKUs, tunables, and all other data that both order schemas share';
COMMENT ON SCHEMA hot IS 'The same tables and routines as regular, for SKUs with extreme demand';

COMMENT ON TABLE catalog.canary IS
  'Second version of place_orders that decides some calls of its schema; at most one for each schema';
COMMENT ON COLUMN catalog.canary.schema IS 'Schema of the place_orders that has a second version';
COMMENT ON COLUMN catalog.canary.share IS 'Share of the calls that the second version decides, 0 to 1';
COMMENT ON COLUMN catalog.canary.skus IS 'SKUs whose calls all go to the second version';
COMMENT ON COLUMN catalog.canary.source IS 'Text of its SQL file, which canary promote installs';
COMMENT ON COLUMN catalog.canary.started_at IS 'When it was started';
COMMENT ON COLUMN catalog.canary.started_by IS 'Login that started it';

COMMENT ON TABLE catalog.currency IS
  'Rules for amounts of each currency. The installer copies them from contracts/money.ts: change that'
  ' file, not this table';
COMMENT ON COLUMN catalog.currency.currency IS 'Code of ISO 4217';
COMMENT ON COLUMN catalog.currency.minor_digits IS 'Digits after the decimal point, by ISO 4217';
COMMENT ON COLUMN catalog.currency.pay_least IS
  'Smallest payment that every provider accepts. All three pay columns are NULL if a provider does not'
  ' support the currency';
COMMENT ON COLUMN catalog.currency.pay_step IS 'Payments have to be multiples of this amount';
COMMENT ON COLUMN catalog.currency.pay_most IS 'Largest payment that every provider accepts';

COMMENT ON TABLE catalog.installation IS 'Identity of this database towards payment providers; one row';
COMMENT ON COLUMN catalog.installation.id IS
  'Sent with every session and refund. A copy of the database that becomes another shop needs another id';
COMMENT ON COLUMN catalog.installation.made_at IS 'When the row was inserted';
COMMENT ON COLUMN catalog.installation.legacy_before IS
  'Orders placed before this time may be paid in sessions that do not carry the id: an older version'
  ' made those';
COMMENT ON COLUMN catalog.installation.is_one IS 'Always true: the table has one row';

COMMENT ON TABLE catalog.payment_reference IS
  'The one order that each payment reference belongs to. The server of regular has the references of'
  ' both schemas';
COMMENT ON COLUMN catalog.payment_reference.payment_ref IS 'The provider''s reference of the payment';
COMMENT ON COLUMN catalog.payment_reference.order_no IS 'The order';

COMMENT ON TABLE catalog.routine IS
  'Routines and views that the installer installed. A definition with another MD5 was changed by hand';
COMMENT ON COLUMN catalog.routine.name IS 'Name of the routine or view, and of its file';
COMMENT ON COLUMN catalog.routine.file_sha256 IS
  'SHA-256 of the text of the file, with :schema replaced, in hexadecimal';
COMMENT ON COLUMN catalog.routine.definition_md5 IS
  'MD5 of the definition that PostgreSQL stored for it, in hexadecimal';
COMMENT ON COLUMN catalog.routine.installed_at IS 'When the installer last ran the file';
COMMENT ON COLUMN catalog.routine.installed_by IS 'Login that ran it';

COMMENT ON TABLE catalog.sale IS
  'Sales: when they open and close, and how long an order may wait for payment';
COMMENT ON COLUMN catalog.sale.sale IS 'Name of the sale; also part of the names of its partitions';
COMMENT ON COLUMN catalog.sale.title IS 'Title that shoppers see';
COMMENT ON COLUMN catalog.sale.opens_at IS
  'Requests are accepted from this time on, by the clock of this server';
COMMENT ON COLUMN catalog.sale.closes_at IS
  'No request is admitted after this time. Earlier ones are decided until late_grace_ms (a tunable) later';
COMMENT ON COLUMN catalog.sale.created_at IS 'When create_sale created it';
COMMENT ON COLUMN catalog.sale.lottery_secret IS
  'Ranks users in the lottery. Only sale_lottery(), and lottery_secret() for operators, return it';

COMMENT ON TABLE catalog.sku IS 'SKUs of all sales, with the price, the user limit and the schema of each';
COMMENT ON COLUMN catalog.sku.sku IS
  'Name of the SKU; also its name in ZooKeeper paths, messages and tickets';
COMMENT ON COLUMN catalog.sku.schema IS
  'Schema that has its stock and decides its requests, regular or hot; changes when the SKU moves';
COMMENT ON COLUMN catalog.sku.title IS 'Title that shoppers see';
COMMENT ON COLUMN catalog.sku.currency IS 'Code of ISO 4217';
COMMENT ON COLUMN catalog.sku.user_limit IS 'Units that one user may hold in unpaid and paid orders';
COMMENT ON COLUMN catalog.sku.state IS
  'open; paused: requests that were admitted before the pause are still decided; closed: requests are'
  ' refused';
COMMENT ON COLUMN catalog.sku.created_at IS 'When the SKU was created or adopted';
COMMENT ON COLUMN catalog.sku.moves IS
  'How often the SKU moved to the other schema. Above 0, both schemas may have orders of it';
COMMENT ON COLUMN catalog.sku.moved_at IS 'When the SKU last moved; NULL: never';
COMMENT ON COLUMN catalog.sku.line_open IS
  'Whether units that come back go to the waitlist. The keeper clears it while the operators'' state or'
  ' quota forbids sales';
COMMENT ON COLUMN catalog.sku.abroad IS
  'True if the SKU lives on the other server. This server then decides no requests for it and only sends'
  ' transfers';

COMMENT ON TABLE catalog.sku_terms IS
  'What place_orders needs of sku, sale, tunable and canary. Triggers copy it: change those tables, not'
  ' this one';
COMMENT ON COLUMN catalog.sku_terms.sku IS 'Copy of catalog.sku.sku';
COMMENT ON COLUMN catalog.sku_terms.sale IS 'Copy of catalog.sku.sale';
COMMENT ON COLUMN catalog.sku_terms.home IS 'Copy of catalog.sku.schema';
COMMENT ON COLUMN catalog.sku_terms.abroad IS 'Copy of catalog.sku.abroad';
COMMENT ON COLUMN catalog.sku_terms.moved IS 'Whether catalog.sku.moves is above 0';
COMMENT ON COLUMN catalog.sku_terms.price IS 'Copy of catalog.sku.price';
COMMENT ON COLUMN catalog.sku_terms.currency IS 'Copy of catalog.sku.currency';
COMMENT ON COLUMN catalog.sku_terms.user_limit IS 'Copy of catalog.sku.user_limit';
COMMENT ON COLUMN catalog.sku_terms.state IS 'Copy of catalog.sku.state';
COMMENT ON COLUMN catalog.sku_terms.opens_at IS 'Copy of catalog.sale.opens_at';
COMMENT ON COLUMN catalog.sku_terms.late_until IS
  'catalog.sale.closes_at plus the tunable late_grace_ms: requests are decided until then';
COMMENT ON COLUMN catalog.sku_terms.pay_window IS 'Copy of catalog.sale.pay_window';
COMMENT ON COLUMN catalog.sku_terms.canary IS
  'Copy of catalog.canary.routine of the home; NULL: the home has no canary';
COMMENT ON COLUMN catalog.sku_terms.canary_always IS 'Whether catalog.canary.skus of the home has the SKU';
COMMENT ON COLUMN catalog.sku_terms.canary_share IS
  'Copy of catalog.canary.share of the home; 0 without a canary';
COMMENT ON COLUMN catalog.sku_terms.batch_requests_max IS 'Copy of the tunable batch_requests_max';
COMMENT ON COLUMN catalog.sku_terms.pick_retries IS 'Copy of the tunable pick_retries';
COMMENT ON COLUMN catalog.sku_terms.pick_retry_wait_us IS 'Copy of the tunable pick_retry_wait_us';
COMMENT ON COLUMN catalog.sku_terms.call_figures IS 'Whether the tunable call_figures is 1';
COMMENT ON COLUMN catalog.sku_terms.other_sales IS 'All other sales that have SKUs; NULL if there are none';
COMMENT ON COLUMN catalog.sku_terms.other_until IS
  'For each of other_sales, its closes_at plus the tunable request_memory_s: until then its request ids'
  ' are looked up';
COMMENT ON COLUMN catalog.sku_terms.others_until IS 'Latest time of other_until; NULL if it is NULL';

COMMENT ON TABLE catalog.ticket_key IS
  'Keys that sign purchase tickets; the newest one of a sale signs. No key exists before the sale opens';
COMMENT ON COLUMN catalog.ticket_key.sale IS 'Sale whose tickets the key signs';
COMMENT ON COLUMN catalog.ticket_key.key IS 'The secret key: 32 random bytes';
COMMENT ON COLUMN catalog.ticket_key.created_at IS
  'When the key was created, for a web node that asked for the keys or by an operator';
COMMENT ON COLUMN catalog.ticket_key.id IS
  'Number of the key within the sale, from 1. The next key replaces it; key 1 also signs receipts';
COMMENT ON COLUMN catalog.ticket_key.revoked_at IS
  'Tickets that the key signed are refused from this time on; NULL: it was not revoked';

COMMENT ON TABLE catalog.tunable IS
  'Settings that a DBA changes with catalog.set_tunable(). The next call of a routine uses the new value';
COMMENT ON COLUMN catalog.tunable.name IS
  'Name of the tunable; it ends with the unit, if the value has one';
COMMENT ON COLUMN catalog.tunable.value IS 'Value that the next call uses';
COMMENT ON COLUMN catalog.tunable.least IS 'Lowest value allowed';
COMMENT ON COLUMN catalog.tunable.most IS 'Highest value allowed';
COMMENT ON COLUMN catalog.tunable.meaning IS 'Effect of the tunable';

COMMENT ON TABLE catalog.webhook_endpoint IS 'URLs to which merchants have order events delivered';
COMMENT ON COLUMN catalog.webhook_endpoint.endpoint IS 'Id of the endpoint';
COMMENT ON COLUMN catalog.webhook_endpoint.url IS 'URL that receives the events by POST';
COMMENT ON COLUMN catalog.webhook_endpoint.kinds IS 'Kinds of events that the endpoint receives';
COMMENT ON COLUMN catalog.webhook_endpoint.secret IS
  'Signs deliveries (Standard Webhooks). Only webhook_targets() returns it';
COMMENT ON COLUMN catalog.webhook_endpoint.old_secret IS
  'Secret before the last rotation. It also signs deliveries until old_secret_until; NULL: there was no'
  ' rotation';
COMMENT ON COLUMN catalog.webhook_endpoint.old_secret_until IS
  'When old_secret stops signing; NULL: there was no rotation';
COMMENT ON COLUMN catalog.webhook_endpoint.state IS
  'active or disabled. A disabled endpoint receives nothing; once enabled, it receives what it has missed';
COMMENT ON COLUMN catalog.webhook_endpoint.disabled_reason IS
  'gone (it answered 410), failing (deliveries failed for too long) or operator; NULL while it is active';
COMMENT ON COLUMN catalog.webhook_endpoint.failures IS
  'Failed attempts since the last success, or since an operator changed the state';
COMMENT ON COLUMN catalog.webhook_endpoint.failing_since IS
  'When the first of these failures was recorded; NULL if there are none';
COMMENT ON COLUMN catalog.webhook_endpoint.last_error IS
  'Error of the last failed attempt; NULL if none has failed';
COMMENT ON COLUMN catalog.webhook_endpoint.created_at IS
  'When the endpoint was added. Events published before are delivered only in a replay';

DO $$
DECLARE
  v_schema text;
  v_name   text;
  v_column text;
  v_text   text;
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    FOR v_name, v_text IN VALUES
      ('log_no', 'Positions in the log of order events'),
      ('movement_no', 'Numbers of stock movements')
    LOOP
      EXECUTE format('COMMENT ON SEQUENCE %I.%I IS %L', v_schema, v_name, v_text);
    END LOOP;

    FOR v_name, v_text IN VALUES
      ('audit_run', 'Result of the last audit of this schema, and when the next one is due; one row'),
      ('buyer', 'Units and claims of each user for each SKU: for the user limit and the waitlist'),
      ('checkout', 'Payment session of each order at the payment provider; an order has one at a time'),
      ('dead_letter',
       'Dead letters that operators replayed or refused; the row is written before the letter leaves its'
       ' queue'),
      ('event',
       'Published order events, in the order of the log. A row has orders of one SKU from one transaction'),
      ('fenced_node', 'Fenced web nodes: requests that they admitted can no longer become orders'),
      ('orders',
       'Orders. Ordered (unpaid) and paid ones hold their units; cancelled and expired ones do not'),
      ('outbox',
       'Order events that are not published yet. A row has orders of one SKU from one transaction'),
      ('outbox_relay',
       'The worker that publishes the events of the outbox, for the time of a lease; one row'),
      ('payment', 'Payments that the payment provider has reported'),
      ('place_call',
       'Figures of each call of place_orders. Workers delete them after the tunable call_figures_keep_s;'
       ' a crash of the server empties the table'),
      ('refund',
       'Refunds of payments whose result is refund_due. take_refunds or end_refund inserts the row'),
      ('refused_request',
       'Refused requests whose SKU does not exist. They become outcomes when the SKU is created'),
      ('stock_movement', 'Append-only record of every change of a slot'),
      ('transfer',
       'Transfers from this server to the server where this schema lives. Workers bring them there'),
      ('transfer_mark',
       'Progress of the transfers of each SKU to this schema. The server that sends uses sent and'
       ' units_sent; the server where the schema lives uses the other columns'),
      ('waiting', 'Waitlist of each SKU for units that come back; one row for each time a user joined it'),
      ('webhook_cursor', 'How far the log of this schema was read for each webhook endpoint'),
      ('webhook_delivery',
       'Deliveries of events to webhook endpoints. A successful delivery deletes its row')
    LOOP
      EXECUTE format('COMMENT ON TABLE %I.%I IS %L', v_schema, v_name, v_text);
    END LOOP;

    FOR v_name, v_column, v_text IN VALUES
      ('audit_run', 'one', 'Always true: the table has one row'),
      ('audit_run', 'next_at',
       'When the next audit is due. While one runs: when another worker may take it'),
      ('audit_run', 'broken',
       'Rows that the last audit returned, one for each broken promise; NULL before the first'),
      ('audit_run', 'took_ms', 'Duration of the last audit in milliseconds'),
      ('audit_run', 'ended_at', 'When the last audit ended'),

      ('buyer', 'sale', 'Sale of the SKU; partition key'),
      ('buyer', 'sku', 'The SKU'),
      ('buyer', 'user_id', 'The user'),
      ('buyer', 'units',
       'Units in the user''s unpaid and paid orders of both schemas. The row in the schema where the SKU'
       ' lives has the current number'),
      ('buyer', 'claims',
       'How often the waitlist has served the user. Users with fewer claims are served first'),

      ('checkout', 'order_no', 'The order'),
      ('checkout', 'sale', 'Sale of the order; partition key'),
      ('checkout', 'session_ref', 'Name of the provider, followed by its reference of the session'),
      ('checkout', 'url', 'URL where the shopper pays. Nobody is told it before this row is committed'),
      ('checkout', 'ends_at', 'When the provider ends the session by itself'),
      ('checkout', 'attempt', 'Number of sessions that the order has had, this one included'),
      ('checkout', 'state',
       'open; ending: the order is no longer unpaid, and a worker ends the session; paying: the shopper'
       ' completed the session, and the provider has not reported the result of the payment; ended'),
      ('checkout', 'tries', 'How often a worker has asked the provider to end this session'),
      ('checkout', 'next_try_at', 'No worker tries before this time. Each try sets a later time'),
      ('checkout', 'last_error', 'Why the session could not be ended; NULL if no error is known'),
      ('checkout', 'changed_at', 'When this row last changed'),

      ('dead_letter', 'dead_letter_no', 'Number of the row: ascending, with gaps'),
      ('dead_letter', 'letter', 'Id of the letter in flashsale dead-letters: a hash of its content'),
      ('dead_letter', 'action', 'replayed (sent to a queue of orders again) or refused'),
      ('dead_letter', 'queue', 'Queue that the message was in before it became a dead letter'),
      ('dead_letter', 'cause', 'Why no worker could decide the message, such as failed or undecodable'),
      ('dead_letter', 'error',
       'Error of the worker, with its SQLSTATE if it has one; NULL if none is known'),
      ('dead_letter', 'sku', 'SKU of the message; NULL if it could not be read'),
      ('dead_letter', 'request_ids', 'Ids of its requests, as far as they could be read'),
      ('dead_letter', 'reason', 'Reason that the shoppers were told; NULL if the letter was replayed'),
      ('dead_letter', 'content', 'First bytes of the content of the message'),
      ('dead_letter', 'bytes', 'Length of the whole content in bytes'),
      ('dead_letter', 'handled_at', 'When the operator handled it'),
      ('dead_letter', 'handled_by', 'Operator, as user@host of the command'),

      ('event', 'log_no',
       'Position in the log: ascending, with gaps. Positions become visible in this order, so a reader'
       ' misses none'),
      ('event', 'sale', 'Sale of the orders; partition key'),
      ('event', 'event_no', 'Number that the event had in the outbox; part of the event ids'),
      ('event', 'kind', 'What happened: placed, paid, cancelled, expired, refund_due or refunded'),
      ('event', 'sku', 'SKU of the orders'),
      ('event', 'order_nos', 'Orders to which it happened'),
      ('event', 'happened_at', 'When it happened'),
      ('event', 'logged_at', 'When the event was moved to the log, after the broker had confirmed it'),
      ('event', 'payment_ref',
       'Reference of the payment, for refund_due and refunded; NULL for other kinds'),

      ('fenced_node', 'node', 'Name of the web node, which is never used again'),
      ('fenced_node', 'fenced_at', 'When the node was fenced'),

      ('orders', 'order_no', 'Number of the order: odd in regular, even in hot'),
      ('orders', 'sale', 'Sale of the SKU; partition key'),
      ('orders', 'sku', 'SKU that was ordered'),
      ('orders', 'request_id', 'Request that became this order'),
      ('orders', 'user_id', 'User who ordered'),
      ('orders', 'units', 'Units of the order. It holds them while it is ordered or paid'),
      ('orders', 'amount', 'Units times the price when it was placed'),
      ('orders', 'currency', 'Code of ISO 4217'),
      ('orders', 'created_at', 'When it was placed'),
      ('orders', 'pay_before', 'If the order is unpaid after this time, expire_orders expires it'),
      ('orders', 'changed_at', 'When its status last changed'),

      ('outbox', 'event_no', 'Number of the event: ascending, with gaps'),
      ('outbox', 'kind', 'What happened: placed, paid, cancelled, expired, refund_due or refunded'),
      ('outbox', 'sale', 'Sale of the orders'),
      ('outbox', 'sku', 'SKU of the orders'),
      ('outbox', 'order_nos', 'Orders to which it happened'),
      ('outbox', 'happened_at', 'When it happened'),
      ('outbox', 'payment_ref',
       'Reference of the payment, for refund_due and refunded; NULL for other kinds'),

      ('outbox_relay', 'one', 'Always true: the table has one row'),
      ('outbox_relay', 'relay', 'Name that the worker chose for itself; empty before the first one'),
      ('outbox_relay', 'leased_until', 'Another worker may take over after this time'),
      ('outbox_relay', 'log_since',
       'Outbox and log together have every event of the orders that were placed since this time;'
       ' -infinity: of all orders'),

      ('outcome', 'request_id',
       'Id of the request: its Idempotency-Key, or the id of its ticket. serve_waitlist makes an id for'
       ' each order of the waitlist'),
      ('outcome', 'sale', 'Sale of the SKU; partition key'),
      ('outcome', 'sku', 'SKU that was requested'),
      ('outcome', 'user_id', 'User who sent the request'),
      ('outcome', 'node',
       'Web node that admitted the request; ''waiting'' for an order of the waitlist; empty for a'
       ' request that was refused before its SKU existed'),
      ('outcome', 'status', 'ordered, sold_out, limit_reached, closed or rejected'),
      ('outcome', 'reason', 'Why it has this status; NULL if the status says enough'),
      ('outcome', 'order_no', 'The order; NULL unless the status is ordered'),
      ('outcome', 'units', 'Units of the order; 0 unless the status is ordered'),
      ('outcome', 'decided_at', 'When the request was decided'),

      ('payment', 'payment_ref', 'The provider''s reference of the payment'),
      ('payment', 'sale', 'Sale of the order; partition key'),
      ('payment', 'order_no', 'Order that the payment was made for'),
      ('payment', 'result',
       'paid: the payment paid the order; refund_due: the order cannot be paid with it, and the money'
       ' goes back'),
      ('payment', 'received_at', 'When the payment was booked'),
      ('payment', 'amount', 'Amount of the payment; NULL: the amount of the order'),
      ('payment', 'currency', 'Currency of the payment, by ISO 4217; NULL: the currency of the order'),

      ('place_call', 'called_at', 'Start of the transaction'),
      ('place_call', 'routine', 'Routine that decided: place_orders or place_orders_canary'),
      ('place_call', 'locked', 'Requests that were answered locked. The caller calls again for them'),
      ('place_call', 'waited',
       'Whether the call had p_wait: it then waits for locked slots instead of answering locked'),
      ('place_call', 'passed_over',
       'Whether the first slot that the call locked had less than 7/8 of the units of the fullest slot.'
       ' Always false for a plain batch of one request'),
      ('place_call', 'false_empty', 'Looks that found no unlocked slot although units were free'),
      ('place_call', 'retries', 'Looks for a slot after the first look, each after a pause'),
      ('place_call', 'lock_us',
       'Microseconds from the first slot lock to the end of the routine, without COMMIT; 0 if no slot'
       ' was locked'),
      ('place_call', 'total_us',
       'Microseconds from the start of the transaction to the end of the routine'),

      ('refund', 'payment_ref', 'The provider''s reference of the payment that goes back'),
      ('refund', 'sale', 'Sale of the order; partition key'),
      ('refund', 'order_no', 'Order that the payment was made for'),
      ('refund', 'state', 'due: the money has to go back; done: it went back'),
      ('refund', 'tries', 'How often a worker has asked the provider for the refund'),
      ('refund', 'next_try_at', 'No worker asks before this time. Each try sets a later time'),
      ('refund', 'refund_ref', 'The provider''s reference of the refund; NULL while the state is due'),
      ('refund', 'last_error',
       'Why there is no refund yet, or why the last refund failed; NULL if no error is known'),
      ('refund', 'changed_at', 'When this row last changed'),
      ('refund', 'failed_refs', 'The provider''s references of refunds that failed, oldest first'),

      ('refused_request', 'request_id', 'Id of the request: its Idempotency-Key, or the id of its ticket'),
      ('refused_request', 'sku', 'SKU that was requested, or the text in its place'),
      ('refused_request', 'user_id', 'User who sent the request'),
      ('refused_request', 'reason', 'Reason that the shopper is told'),
      ('refused_request', 'refused_at', 'When the request was refused'),

      ('stock_movement', 'movement_no', 'Number of the movement: ascending, with gaps'),
      ('stock_movement', 'sale', 'Sale of the SKU; partition key'),
      ('stock_movement', 'sku', 'The SKU'),
      ('stock_movement', 'slot',
       'Slot that changed. Units that come in and are sold at once touch no slot: their rows have slot 1'),
      ('stock_movement', 'kind',
       'load (first stock), restock, sale, return (an order gave up units), split and merge (between'
       ' slots), or move (between schemas)'),
      ('stock_movement', 'units', 'Units that were added to the slot; negative if they were taken'),
      ('stock_movement', 'moved_at', 'When the slot changed'),

      ('stock_slot', 'sku', 'The SKU'),
      ('stock_slot', 'slot', 'Number of the slot within the SKU, from 1'),
      ('stock_slot', 'remaining', 'Free units in the slot'),

      ('transfer', 'sku', 'The SKU'),
      ('transfer', 'transfer_no',
       'Number of the transfer for this SKU, from 1 without gaps. The other server applies each transfer'
       ' once, in this order'),
      ('transfer', 'sale', 'Sale of the SKU'),
      ('transfer', 'kind',
       'home: the SKU itself, with its free units; buyers: users who gave up units; units: units that'
       ' came back; payment: the answer to a late payment, with units or without'),
      ('transfer', 'units', 'Units that the transfer brings, or 0'),
      ('transfer', 'units_total', 'Units of this transfer and all earlier ones of the SKU'),
      ('transfer', 'body', 'Further content of the transfer, by kind'),
      ('transfer', 'sent_at', 'When the transfer was written'),
      ('transfer', 'done_at',
       'When this server learned that the transfer was applied; NULL before. transfers_done deletes the'
       ' row later, after ten minutes or more'),

      ('transfer_mark', 'sku', 'The SKU'),
      ('transfer_mark', 'sent', 'Number of the last transfer that was written; 0: none'),
      ('transfer_mark', 'units_sent', 'Units of all transfers that were written'),
      ('transfer_mark', 'applied', 'Number of the last transfer that was applied; 0: none'),
      ('transfer_mark', 'units_applied', 'Units of all transfers that were applied'),
      ('transfer_mark', 'copied',
       'Transaction id of the other server. Buyers and outcomes that earlier transactions wrote there'
       ' are copied; NULL: no round of copying is complete'),
      ('transfer_mark', 'copied_home',
       'Number of the transfer of kind home for which the copy is complete, so that it can be applied;'
       ' 0: none'),
      ('transfer_mark', 'copier', 'Id of the copier. Rows from other copiers are refused; NULL:'
       ' nobody copies'),
      ('transfer_mark', 'copied_at',
       'When the copier last wrote. Another may take over three seconds later'),
      ('transfer_mark', 'unpaid_until',
       'Unpaid orders of the other server may give units back until this time; NULL: there were none'),

      ('waiting', 'entry', 'Id of the place in the waitlist'),
      ('waiting', 'sale', 'Sale of the SKU; partition key'),
      ('waiting', 'sku', 'SKU that the user waits for'),
      ('waiting', 'user_id', 'The user'),
      ('waiting', 'units', 'Largest number of units that the user wants'),
      ('waiting', 'claims', 'buyer.claims when the user joined. Users with fewer claims are served first'),
      ('waiting', 'rank',
       'Rank of the user in the lottery of the sale. Among users with the same number of claims, the'
       ' lowest rank is served first'),
      ('waiting', 'state',
       'waiting; served: an order was made; limit_reached: the user already holds the user limit'),
      ('waiting', 'asked_at', 'When the user joined'),
      ('waiting', 'passed_over_at',
       'When a unit last went to a later place because another call had locked rows of this user; NULL:'
       ' never'),
      ('waiting', 'ended_at', 'When the state became served or limit_reached; NULL while it is waiting'),
      ('waiting', 'order_no', 'Order that was made for the user; NULL unless the state is served'),

      ('webhook_cursor', 'endpoint', 'Id of the endpoint'),
      ('webhook_cursor', 'log_no',
       'Last position that was read. Wanted events up to it are delivered, or in webhook_delivery'),

      ('webhook_delivery', 'endpoint', 'Id of the endpoint'),
      ('webhook_delivery', 'log_no', 'Position of the event in the log'),
      ('webhook_delivery', 'sale', 'Sale of the order: the partition key of event and orders'),
      ('webhook_delivery', 'attempts', 'Attempts that were begun; a replay starts again at 0'),
      ('webhook_delivery', 'next_at',
       'When the next attempt is due. During an attempt: when another worker may take it'),
      ('webhook_delivery', 'last_error', 'Error of the last failed attempt; NULL if none has failed'),
      ('webhook_delivery', 'given_up_at',
       'When the delivery was given up; NULL while attempts go on. Only a replay starts it again')
    LOOP
      EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', v_schema, v_name, v_column, v_text);
    END LOOP;
  END LOOP;
END
$$;

RESET ROLE;
