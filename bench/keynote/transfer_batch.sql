-- keynote.transfer_batch: many transfers in one transaction, decided in the order of the arrays as if
-- one came after the other.
--
-- Result   one row for each refused transfer, with the reason. A known request gets its first answer.
-- Tables   writes transfer, account.
-- Locks    the rows of the requests by request id, then one advisory lock for all batches, then the
--          accounts in any order.
-- Errors   40001 if a transfer outside of batches took money between the look and the update.
--          Nothing is changed then, and the same call can be repeated.
--
-- If every account has what all of its debits take together, no order of the transfers refuses one. Then
-- each account is updated once, by the sum of its changes. Otherwise the transfers are made one by one.
CREATE FUNCTION keynote.transfer_batch(
  p_request_ids uuid[], p_debits int[], p_credits int[], p_amounts int[]
) RETURNS TABLE (request_id uuid, refusal text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  v_fresh    uuid[];
  v_accounts int[];
  v_changes  bigint[];
  v_debits   bigint[];
  v_covered  int;
  v_updated  int;
BEGIN
  WITH fresh AS (
    INSERT INTO keynote.transfer (request_id, debit_account, credit_account, amount)
    SELECT r.request_id, r.debit, r.credit, r.amount
    FROM unnest(p_request_ids, p_debits, p_credits, p_amounts) AS r (request_id, debit, credit, amount)
    ORDER BY r.request_id
    ON CONFLICT DO NOTHING
    RETURNING request_id, debit_account, credit_account, amount
  ), moved AS (
    SELECT debit_account AS id, -amount AS change, amount AS debit FROM fresh
    UNION ALL
    SELECT credit_account, amount, 0 FROM fresh
  ), wanted AS (
    SELECT id, sum(change) AS change, sum(debit) AS debit FROM moved GROUP BY id
  )
  SELECT array_agg(w.id), array_agg(w.change), array_agg(w.debit),
         (SELECT array_agg(f.request_id) FROM fresh f)
  INTO v_accounts, v_changes, v_debits, v_fresh FROM wanted w;

  IF v_fresh IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtext('keynote.transfer_batch'));
    SELECT count(*) INTO v_covered
    FROM unnest(v_accounts, v_debits) AS w (id, debit)
    JOIN keynote.account a ON a.id = w.id AND a.balance >= w.debit;
    IF v_covered = cardinality(v_accounts) THEN
      UPDATE keynote.account a SET balance = a.balance + w.change
      FROM unnest(v_accounts, v_changes, v_debits) AS w (id, change, debit)
      WHERE a.id = w.id AND a.balance >= w.debit;
      GET DIAGNOSTICS v_updated = ROW_COUNT;
      IF v_updated < v_covered THEN
        RAISE serialization_failure USING MESSAGE = 'an account was debited outside of batches';
      END IF;
    ELSE
      PERFORM keynote.transfer_in_turn(p_request_ids, v_fresh);
    END IF;
  END IF;

  IF v_fresh IS NULL OR v_updated IS NULL OR cardinality(v_fresh) < cardinality(p_request_ids) THEN
    RETURN QUERY SELECT t.request_id, t.refusal FROM keynote.transfer t
                 WHERE t.request_id = ANY (p_request_ids) AND t.refusal IS NOT NULL;
  END IF;
END $$;

-- keynote.transfer_in_turn: makes recorded transfers one by one, in the order of p_request_ids, or records
-- why they are refused. Only for transfer_batch.
CREATE FUNCTION keynote.transfer_in_turn(p_request_ids uuid[], p_fresh uuid[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_one record;
BEGIN
  FOR v_one IN
    SELECT t.request_id, t.debit_account, t.credit_account, t.amount
    FROM (SELECT r.request_id, min(r.at) AS at
          FROM unnest(p_request_ids) WITH ORDINALITY AS r (request_id, at) GROUP BY 1) AS r
    JOIN keynote.transfer t USING (request_id)
    WHERE t.request_id = ANY (p_fresh) ORDER BY r.at
  LOOP
    UPDATE keynote.account SET balance = balance - v_one.amount
    WHERE id = v_one.debit_account AND balance >= v_one.amount;
    IF FOUND THEN
      UPDATE keynote.account SET balance = balance + v_one.amount WHERE id = v_one.credit_account;
      CONTINUE WHEN FOUND;
      UPDATE keynote.account SET balance = balance + v_one.amount WHERE id = v_one.debit_account;
    END IF;
    UPDATE keynote.transfer t
    SET refusal = CASE
      WHEN (SELECT count(*) FROM keynote.account a
            WHERE a.id IN (v_one.debit_account, v_one.credit_account)) < 2
      THEN 'no_account' ELSE 'insufficient_funds' END
    WHERE t.request_id = v_one.request_id;
  END LOOP;
END $$;
