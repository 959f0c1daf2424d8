-- The presentation of a sale and of its SKUs: texts in several languages, pictures, colours.

SET LOCAL ROLE flashsale_owner;

ALTER TABLE catalog.sale ADD COLUMN presentation jsonb NOT NULL DEFAULT '{}'
  CHECK (jsonb_typeof(presentation) = 'object' AND length(presentation::text) <= 40000);
ALTER TABLE catalog.sku ADD COLUMN presentation jsonb NOT NULL DEFAULT '{}'
  CHECK (jsonb_typeof(presentation) = 'object' AND length(presentation::text) <= 40000);

COMMENT ON COLUMN catalog.sale.presentation IS
  'Languages, texts by language, colours and logo, as the sale file gives them. title has the text of the first language';
COMMENT ON COLUMN catalog.sku.presentation IS
  'Texts by language and the picture, as the sale file gives them. title has the text of the first language';

-- The installer makes them again, with other parameters or another result.
DROP FUNCTION IF EXISTS catalog.sale_board();
DROP FUNCTION IF EXISTS catalog.create_sale(text, text, timestamptz, timestamptz, interval);
DROP FUNCTION IF EXISTS catalog.create_sku(text, text, text, text, numeric, text, int, int, int);
DROP FUNCTION IF EXISTS catalog.adopt_sku(text, text, text, text, numeric, text, int);
DROP FUNCTION IF EXISTS regular.restock(text, int);
DROP FUNCTION IF EXISTS hot.restock(text, int);

COMMENT ON SEQUENCE catalog.action_action_no_seq IS 'Numbers of actions';

RESET ROLE;
