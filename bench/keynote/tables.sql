-- Accounts and transfers of the benchmark `keynote`, in a database of its own.
CREATE SCHEMA keynote;

-- Room for new versions in the page of a row: an update then touches no index.
CREATE TABLE keynote.account (
  id      int PRIMARY KEY,
  balance bigint NOT NULL CHECK (balance >= 0)
) WITH (fillfactor = 60);

-- One row for each request that was decided, so that a second delivery finds it.
CREATE TABLE keynote.transfer (
  request_id     uuid PRIMARY KEY,
  debit_account  int NOT NULL,
  credit_account int NOT NULL,
  amount         int NOT NULL CHECK (amount > 0),
  -- Why the transfer was refused; NULL if it was made.
  refusal        text,
  decided_at     timestamptz NOT NULL DEFAULT now(),
  CHECK (debit_account <> credit_account)
);

-- Every round begins with the same accounts and no transfers.
CREATE PROCEDURE keynote.reset(p_accounts int, p_balance bigint) LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE keynote.account, keynote.transfer;
  INSERT INTO keynote.account SELECT n, p_balance FROM generate_series(0, p_accounts - 1) AS n;
END $$;

-- The books: what is in the tables, and how many balances differ from what the transfers say.
CREATE FUNCTION keynote.books(p_balance bigint)
RETURNS TABLE (made bigint, refused bigint, accounts bigint, total numeric, lowest bigint, wrong bigint)
LANGUAGE sql STABLE AS $$
  WITH moved AS (
    SELECT debit_account AS id, -amount AS change FROM keynote.transfer WHERE refusal IS NULL
    UNION ALL
    SELECT credit_account, amount FROM keynote.transfer WHERE refusal IS NULL
  ), expected AS (
    SELECT id, sum(change) AS change FROM moved GROUP BY id
  )
  SELECT (SELECT count(*) FROM keynote.transfer WHERE refusal IS NULL),
         (SELECT count(*) FROM keynote.transfer WHERE refusal IS NOT NULL),
         count(*), sum(a.balance), min(a.balance),
         count(*) FILTER (WHERE a.balance <> p_balance + coalesce(e.change, 0))
  FROM keynote.account a LEFT JOIN expected e USING (id)
$$;
