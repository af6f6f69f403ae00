-- What the gateway itself has accepted. Everything else that it shows are read models in the schema `mesh`.
create schema if not exists gateway;

-- Requests that were answered with 202: an order stands here before anybody else has heard of it.
create table gateway.accepted_order (
  order_id       uuid    not null,
  customer_id    uuid    not null,
  accepted_at_ms bigint  not null,
  address_ref    uuid    not null,
  currency       text    not null check (currency ~ '^[A-Z]{3}$'),
  total_minor    bigint  not null check (total_minor > 0),
  lines          json    not null,
  constraint accepted_order_pkey primary key (order_id)
);
-- Ids rise with time, so this is also the order of a customer's list.
create index accepted_order_by_customer on gateway.accepted_order (customer_id, order_id);
select mesh.make_append_only('gateway.accepted_order');

-- Answers by idempotency key. A row without an answer belongs to a request under way, until its lease ends.
create table gateway.request (
  account_id     uuid    not null,
  key            text    not null collate "C" check (length(key) between 1 and 128),
  route          text    not null,
  digest         text    not null,
  answer         json,
  created_at_ms  bigint  not null,
  lease_until_ms bigint  not null,
  constraint request_pkey primary key (account_id, key)
);
create index request_by_age on gateway.request (created_at_ms);

-- Whose address a reference names, as far as it went through here: orders are taken while `users` is away.
create table gateway.known_address (
  address_ref uuid not null,
  customer_id uuid not null,
  constraint known_address_pkey primary key (address_ref)
);
