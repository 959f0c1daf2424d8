-- keynote.transfer_one: one transfer, in a transaction of its own.
--
-- Result   NULL if it was made, otherwise why it was refused. A known request gets its first answer.
-- Tables   writes transfer, account.
-- Locks    the row of the request, then the two accounts, the higher number first: two calls never
--          wait for each other. The accounts that everybody wants have the lowest numbers, so they
--          are locked last and for the shortest time.
--
-- A transfer that succeeds takes three statements. To lock both rows first and then update them would take
-- five.
CREATE FUNCTION keynote.transfer_one(p_request_id uuid, p_debit int, p_credit int, p_amount int)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_refusal text;
BEGIN
  INSERT INTO keynote.transfer (request_id, debit_account, credit_account, amount)
  VALUES (p_request_id, p_debit, p_credit, p_amount) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT t.refusal INTO STRICT v_refusal FROM keynote.transfer t
    WHERE t.request_id = p_request_id;
    RETURN v_refusal;
  END IF;
  IF p_debit > p_credit THEN
    UPDATE keynote.account SET balance = balance - p_amount
    WHERE id = p_debit AND balance >= p_amount;
    IF FOUND THEN
      UPDATE keynote.account SET balance = balance + p_amount WHERE id = p_credit;
      IF FOUND THEN RETURN NULL; END IF;
      UPDATE keynote.account SET balance = balance + p_amount WHERE id = p_debit;
    END IF;
  ELSE
    UPDATE keynote.account SET balance = balance + p_amount WHERE id = p_credit;
    IF FOUND THEN
      UPDATE keynote.account SET balance = balance - p_amount
      WHERE id = p_debit AND balance >= p_amount;
      IF FOUND THEN RETURN NULL; END IF;
      UPDATE keynote.account SET balance = balance - p_amount WHERE id = p_credit;
    END IF;
  END IF;
  v_refusal := CASE
    WHEN (SELECT count(*) FROM keynote.account a WHERE a.id IN (p_debit, p_credit)) < 2
    THEN 'no_account' ELSE 'insufficient_funds' END;
  UPDATE keynote.transfer t SET refusal = v_refusal WHERE t.request_id = p_request_id;
  RETURN v_refusal;
END $$;
