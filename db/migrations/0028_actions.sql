-- Each action of merchants, support and operators on sales and orders is recorded: who, when, why.

SET LOCAL ROLE flashsale_owner;

CREATE TABLE catalog.action (
  action_no   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  acted_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  acted_by    text COLLATE "C" NOT NULL CHECK (length(acted_by) BETWEEN 1 AND 200),
  action      text COLLATE "C" NOT NULL CHECK (action ~ '^[a-z][a-z_]{1,39}$'),
  sale        text COLLATE "C",
  target      text COLLATE "C" NOT NULL CHECK (length(target) <= 200),
  reason      text CHECK (length(reason) BETWEEN 1 AND 1000),
  details     jsonb NOT NULL DEFAULT '{}' CHECK (length(details::text) <= 100000)
);
CREATE INDEX action_sale ON catalog.action (sale, action_no);
CREATE INDEX action_target ON catalog.action (target, action_no);

COMMENT ON TABLE catalog.action IS
  'Actions of people on sales and orders of this server, written in their transactions. Append-only';
COMMENT ON SEQUENCE catalog.action_action_no_seq IS 'Numbers of actions';
COMMENT ON COLUMN catalog.action.action_no IS 'Number of the action: ascending, with gaps';
COMMENT ON COLUMN catalog.action.acted_at IS 'When it was done';
COMMENT ON COLUMN catalog.action.acted_by IS
  'The person: user@host of a command, or the name of the login of the console';
COMMENT ON COLUMN catalog.action.action IS 'The deed, such as extend, restock, refund';
COMMENT ON COLUMN catalog.action.sale IS 'The sale; NULL if the action belongs to none';
COMMENT ON COLUMN catalog.action.target IS
  'The object: a sale, a SKU, an order number or a user';
COMMENT ON COLUMN catalog.action.reason IS 'Why, in the words of the person; NULL if none was given';
COMMENT ON COLUMN catalog.action.details IS 'Values before and after, and whatever else explains it';

RESET ROLE;
