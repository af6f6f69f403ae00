-- The caller's name for the request that added an address: a repeat finds the address that is there already. Addresses
-- from before have none.
alter table users.address
  add column idempotency_key text check (length(idempotency_key) between 1 and 128);
create unique index address_by_key on users.address (customer_id, idempotency_key);
