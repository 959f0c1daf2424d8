-- The atomic check, decrement, mark and queue of the text that this way comes from, word for word.
-- KEYS[1] = stock key (seckill:stock:{sku})
-- KEYS[2] = users set (seckill:users:{sku})
-- KEYS[3] = queue list (seckill:queue:{sku})
-- ARGV[1] = user_id
-- ARGV[2] = order_payload (json string)
local stock = tonumber(redis.call('GET', KEYS[1]) or '-1')
if stock <= 0 then
return {err="OUT_OF_STOCK"}
end
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then
return {err="ALREADY_BUY"}
end
redis.call('DECR', KEYS[1])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('RPUSH', KEYS[3], ARGV[2])
return {ok="OK"}
