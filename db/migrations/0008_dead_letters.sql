-- Dead letters that an operator has replayed or refused, and the outcomes of refused requests that
-- belong to no sale.

SET LOCAL ROLE flashsale_owner;

DO $$
DECLARE
  v_schema text;
  v_search_path text := current_setting('search_path');
BEGIN
  FOREACH v_schema IN ARRAY ARRAY['regular', 'hot'] LOOP
    PERFORM set_config('search_path', v_schema, true);

    CREATE SEQUENCE dead_letter_no AS bigint;
    COMMENT ON SEQUENCE dead_letter_no IS 'Numbers of handled dead letters';
    CREATE TABLE dead_letter (
      dead_letter_no bigint PRIMARY KEY DEFAULT nextval('dead_letter_no'),
      letter      text NOT NULL,
      action      text NOT NULL CHECK (action IN ('replayed', 'refused')),
      queue       text NOT NULL,
      cause       text NOT NULL,
      error       text,
      sku         text COLLATE "C",
      request_ids uuid[] NOT NULL,
      reason      text,
      headers     jsonb NOT NULL,
      content     bytea NOT NULL,
      bytes       int NOT NULL,
      handled_at  timestamptz NOT NULL DEFAULT now(),
      handled_by  text NOT NULL
    );
    COMMENT ON TABLE dead_letter IS
      'What operators did with dead letters: a message that leaves that queue is never forgotten';
    COMMENT ON COLUMN dead_letter.dead_letter_no IS 'Ascending, with gaps';
    COMMENT ON COLUMN dead_letter.letter IS 'Its id in flashsale dead-letters: a hash of the content';
    COMMENT ON COLUMN dead_letter.action IS 'replayed (back to the orders queue) or refused';
    COMMENT ON COLUMN dead_letter.queue IS 'The queue that it stood in before';
    COMMENT ON COLUMN dead_letter.cause IS 'Why no worker could decide it';
    COMMENT ON COLUMN dead_letter.error IS 'The error that the worker met, with its SQLSTATE';
    COMMENT ON COLUMN dead_letter.sku IS 'NULL if it could not be read';
    COMMENT ON COLUMN dead_letter.request_ids IS 'The requests that could be read in it';
    COMMENT ON COLUMN dead_letter.reason IS 'Of a refusal: what its shoppers were told';
    COMMENT ON COLUMN dead_letter.headers IS 'Headers of the message';
    COMMENT ON COLUMN dead_letter.content IS 'Its first bytes';
    COMMENT ON COLUMN dead_letter.bytes IS 'Its length';
    COMMENT ON COLUMN dead_letter.handled_at IS 'When';
    COMMENT ON COLUMN dead_letter.handled_by IS 'Who: user and machine of the command';

    CREATE TABLE refused_request (
      request_id uuid PRIMARY KEY,
      sku        text COLLATE "C" NOT NULL,
      user_id    text COLLATE "C" NOT NULL,
      reason     text NOT NULL,
      refused_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE refused_request IS
      'Outcomes of refused requests whose SKU no catalogue has, so that no sale has a place for them';
    COMMENT ON COLUMN refused_request.request_id IS 'Idempotency-Key or id of the ticket';
    COMMENT ON COLUMN refused_request.sku IS 'What was wanted';
    COMMENT ON COLUMN refused_request.user_id IS 'Whose request it was';
    COMMENT ON COLUMN refused_request.reason IS 'What the shopper is told';
    COMMENT ON COLUMN refused_request.refused_at IS 'When';
  END LOOP;
  PERFORM set_config('search_path', v_search_path, true);
END
$$;

RESET ROLE;
