-- A SKU may live on another server (HOT_DATABASE_URL): what has to be told to the other side is posted
-- here and carried there, each thing once and in order (docs/decisions/0010).

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sku ADD COLUMN abroad boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN catalog.sku.abroad IS
  'Its schema is the one of another server; here, that schema only takes post for it';
COMMENT ON COLUMN catalog.sku.schema IS
  'Where its stock lives and its requests are decided; a move changes it';

INSERT INTO catalog.tunable (name, value, least, most, meaning) VALUES
  ('transfer_alarm_ms', 60000, 1000, 86400000,
   'audit complains about what has waited so long to be carried to the other server');

DO $$
DECLARE
  v_schema text;
  v_table  text;
  v_column text;
  v_text   text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);
    CREATE TABLE transfer (
      sku         text COLLATE "C" NOT NULL,
      transfer_no bigint NOT NULL CHECK (transfer_no >= 1),
      sale        text COLLATE "C" NOT NULL,
      kind        text NOT NULL CHECK (kind IN ('home', 'buyers', 'units', 'payment')),
      units       bigint NOT NULL CHECK (units >= 0),
      units_total bigint NOT NULL,
      body        jsonb NOT NULL,
      sent_at     timestamptz NOT NULL DEFAULT now(),
      done_at     timestamptz,
      PRIMARY KEY (sku, transfer_no)
    );
    CREATE INDEX transfer_waiting ON transfer (sku, transfer_no) WHERE done_at IS NULL;

    CREATE TABLE transfer_mark (
      sku           text COLLATE "C" PRIMARY KEY,
      sent          bigint NOT NULL DEFAULT 0,
      units_sent    bigint NOT NULL DEFAULT 0,
      applied       bigint NOT NULL DEFAULT 0,
      units_applied bigint NOT NULL DEFAULT 0,
      copied        xid8,
      copied_home   bigint NOT NULL DEFAULT 0,
      copier        uuid,
      copied_at     timestamptz,
      unpaid_until  timestamptz
    );

    EXECUTE format('COMMENT ON TABLE %I.transfer IS %L', v_schema,
      'Post for this schema on its own server: filled where it is not at home, carried by workers');
    EXECUTE format('COMMENT ON TABLE %I.transfer_mark IS %L', v_schema,
      'How far the post of a SKU has come: sent where the schema is not at home, applied where it is');
    FOR v_table, v_column, v_text IN VALUES
      ('transfer', 'sku', 'Whose post'),
      ('transfer', 'transfer_no', 'From 1 without a gap: applied in this order, each once'),
      ('transfer', 'sale', 'Its sale'),
      ('transfer', 'kind', 'home: the SKU itself; buyers: users who hold fewer units; units: units that'
        ' came back; payment: units for a late payment, none if it cannot have them'),
      ('transfer', 'units', 'Units that travel'),
      ('transfer', 'units_total', 'Units that travelled with this one and all before'),
      ('transfer', 'body', 'The rest, by kind'),
      ('transfer', 'sent_at', 'When it was posted'),
      ('transfer', 'done_at', 'When the sender knew that it was applied; removed some time later'),
      ('transfer_mark', 'sku', 'Whose post'),
      ('transfer_mark', 'sent', 'Last number posted'),
      ('transfer_mark', 'units_sent', 'Units posted'),
      ('transfer_mark', 'applied', 'Last number applied'),
      ('transfer_mark', 'units_applied', 'Units applied'),
      ('transfer_mark', 'copied',
       'Buyers and outcomes that older transactions of the other side wrote are here'),
      ('transfer_mark', 'copied_home',
       'The copy is complete as of this transfer of kind home: it may be applied'),
      ('transfer_mark', 'copier', 'Who copies now: the rows of another one are refused'),
      ('transfer_mark', 'copied_at', 'When that one wrote last'),
      ('transfer_mark', 'unpaid_until',
       'Until then unpaid orders of the other side may give units back')
    LOOP
      EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', v_schema, v_table, v_column, v_text);
    END LOOP;
    EXECUTE format('COMMENT ON COLUMN %I.place_call.passed_over IS %L', v_schema,
      'The first slot it got had less than 7/8 of the units of the fullest; told of batches only');
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
