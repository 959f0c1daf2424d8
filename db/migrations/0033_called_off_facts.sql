-- sale_facts also returns whether the sale was called off. A function cannot change its result in place.

DROP FUNCTION IF EXISTS catalog.sale_facts(text);
