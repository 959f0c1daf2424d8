-- rotate_webhook_secret: gives an endpoint a new secret. For a time, deliveries are signed with the old secret as well.
-- An older one that still signs goes on until its own time: the merchant's server may use it.
--
-- Parameters: p_endpoint; p_secret, the new secret; p_overlap, how long the old secret signs too
-- Result: true if the endpoint exists
-- Tables: writes catalog.webhook_endpoint, catalog.webhook_older_secret
-- Locks, in order: the webhook_endpoint row; its webhook_older_secret rows
-- Errors: 23514 p_secret is not a valid secret; FS004 eight older secrets still sign

CREATE OR REPLACE FUNCTION catalog.rotate_webhook_secret(
  p_endpoint text, p_secret text, p_overlap interval
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = catalog, pg_temp
AS $routine$
DECLARE
  -- Each secret is one more signature in a header of every delivery.
  c_older_max CONSTANT int := 8;
  v_endpoint webhook_endpoint%ROWTYPE;
  v_older int;
  v_first timestamptz;
BEGIN
  SELECT w.* INTO v_endpoint FROM webhook_endpoint w WHERE w.endpoint = p_endpoint FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  DELETE FROM webhook_older_secret o WHERE o.endpoint = p_endpoint AND o.signs_until <= now();
  IF v_endpoint.old_secret_until > now() THEN
    INSERT INTO webhook_older_secret AS o (endpoint, secret, signs_until)
    VALUES (p_endpoint, v_endpoint.old_secret, v_endpoint.old_secret_until)
    ON CONFLICT (endpoint, secret) DO UPDATE SET signs_until = greatest(o.signs_until, EXCLUDED.signs_until);
  END IF;
  SELECT count(*), min(o.signs_until) INTO v_older, v_first
  FROM webhook_older_secret o WHERE o.endpoint = p_endpoint;
  IF v_older >= c_older_max THEN
    RAISE EXCEPTION 'endpoint % has % older secrets that still sign, the first one until %',
      p_endpoint, v_older, v_first USING ERRCODE = 'FS004';
  END IF;
  UPDATE webhook_endpoint w
  SET secret = p_secret, old_secret = w.secret, old_secret_until = now() + p_overlap
  WHERE w.endpoint = p_endpoint;
  RETURN true;
END
$routine$;

ALTER FUNCTION catalog.rotate_webhook_secret OWNER TO flashsale_owner;
COMMENT ON FUNCTION catalog.rotate_webhook_secret IS
  'Gives an endpoint a new secret; for a time, the old ones sign its deliveries as well';
REVOKE ALL ON FUNCTION catalog.rotate_webhook_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalog.rotate_webhook_secret TO flashsale_ops;
