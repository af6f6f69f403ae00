-- All personal data of the shop lies in this schema and nowhere else.
create schema if not exists users;

create table users.account (
  customer_id   uuid        primary key,
  email         text        not null check (length(email) between 3 and 254),
  email_key     text        not null unique,
  display_name  text        not null check (length(display_name) between 1 and 80),
  password_hash text        not null check (password_hash like '$argon2id$%'),
  role          text        not null check (role in ('customer', 'staff', 'auditor', 'operator')),
  registered_at timestamptz not null
);

create table users.session (
  session_id  uuid        primary key,
  customer_id uuid        not null references users.account on delete cascade,
  started_at  timestamptz not null,
  expires_at  timestamptz not null,
  ended_at    timestamptz,
  end_reason  text        check (end_reason in ('logged-out', 'reuse', 'revoked')),
  -- When the event about a reuse was committed.
  reported_at timestamptz,
  check ((ended_at is null) = (end_reason is null))
);
create index session_by_customer on users.session (customer_id);
create index session_by_expiry on users.session (expires_at);
-- What a process that died between ending a session and telling of it has left behind.
create index session_unreported on users.session (ended_at) where end_reason = 'reuse' and reported_at is null;

-- Used tokens stay until their session goes: that is how a second use is known for what it is.
create table users.refresh_token (
  token_hash text        primary key,
  session_id uuid        not null references users.session on delete cascade,
  issued_at  timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz
);
create index refresh_token_by_session on users.refresh_token (session_id);

create table users.address (
  address_ref  uuid        primary key,
  customer_id  uuid        not null references users.account on delete cascade,
  recipient    text        not null,
  lines        text[]      not null,
  postal_code  text        not null,
  city         text        not null,
  region       text,
  country_code text        not null check (country_code ~ '^[A-Z]{2}$'),
  added_at     timestamptz not null
);
create index address_by_customer on users.address (customer_id, address_ref desc);

-- Subjects are hashes: failed guesses must not turn the addresses of strangers into data we hold.
create table users.throttle (
  subject       text        primary key,
  attempt_count integer     not null,
  last_at       timestamptz not null,
  blocked_until timestamptz
);
create index throttle_by_age on users.throttle (last_at);
