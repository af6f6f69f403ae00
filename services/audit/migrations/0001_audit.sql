-- What the services' feeds gave out, byte for byte, with what came of checking it. Rows are added and never changed.
-- Texts collate by code point: they are names, ids and hashes.
create schema if not exists audit;

create table audit.entry (
  position       bigint  generated always as identity,
  -- Milliseconds since 1970: of the owner's database, and of this one.
  recorded_at_ms bigint  not null,
  taken_at_ms    bigint  not null default mesh.now_ms(),
  issued_at_s    bigint,
  n              bigint,
  owner          text collate "C" not null,
  -- Empty where the envelope has none that could be read; claims below are null then, and unproven where reason is set.
  id             text collate "C" not null default '',
  hash           text collate "C" not null,
  signer         text collate "C",
  type           text collate "C",
  schema         text collate "C",
  subject        text collate "C",
  prv            text collate "C",
  correlation    text collate "C",
  causation      text collate "C",
  actor          text collate "C",
  kid            text collate "C",
  -- Null where the envelope was verified.
  reason         text collate "C",
  chain          text collate "C" check (chain in ('ok', 'gap', 'fork')),
  envelope       text    not null,
  constraint entry_pkey primary key (position),
  -- Ids are UUIDv7, so that this index grows at its end.
  constraint entry_identity_key unique (id, hash, owner)
);
create index entry_by_time on audit.entry (recorded_at_ms, position);
create index entry_by_correlation on audit.entry (correlation, recorded_at_ms, position);
create index entry_by_subject on audit.entry (subject, recorded_at_ms, position);
create index entry_by_type on audit.entry (type, recorded_at_ms, position);
create index entry_by_signer on audit.entry (signer, recorded_at_ms, position);
create index entry_by_kid on audit.entry (kid, recorded_at_ms, position);
create index entry_by_actor on audit.entry (actor, recorded_at_ms, position) where actor is not null;
-- The last proven event of a stream.
create index entry_head on audit.entry (subject, n desc, position) include (hash) where reason is null;
-- What needs looking at; small, or somebody has work.
create index entry_doubtful on audit.entry (reason, chain) where reason is not null or chain <> 'ok';

-- How far each service's feed was read.
create table audit.feed (
  owner             text collate "C" primary key,
  cursor            text   not null,
  complete_until_ms bigint not null,
  -- Counted here, because counting rows of a table that only grows takes ever longer.
  entry_count       bigint not null default 0
);

select mesh.make_append_only('audit.entry');
