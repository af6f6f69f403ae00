-- Tables of the store. Times are whole milliseconds since 1970 on the database's clock: they are compared with what
-- callers hand back, so they must not lose digits on the way. JSON that is only kept and handed back is of type json,
-- not jsonb: jsonb refuses \u0000 and lone surrogates, and a message that cannot be committed would come back for ever.
-- Names that are compared with JavaScript strings collate by code point.

create function mesh.now_ms() returns bigint language sql volatile parallel safe as
$$ select floor(extract(epoch from clock_timestamp()) * 1000)::bigint $$;

-- Which life of this database the events belong to. A restore raises it: transaction ids of another cluster mean
-- nothing here, and cursors from before may point past what the restore brought back.
create table mesh.feed_epoch (
  is_only boolean primary key default true check (is_only),
  epoch integer not null,
  system_identifier text not null
);
insert into mesh.feed_epoch (epoch, system_identifier)
select 1, system_identifier::text from pg_control_system();

create table mesh.event (
  position bigint generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  recorded_at_ms bigint not null,
  epoch integer not null,
  version integer not null check (version > 0),
  schema_version integer not null,
  id uuid not null,
  stream text collate "C" not null,
  type text collate "C" not null,
  correlation text not null,
  hash text not null,
  data json not null,
  envelope text not null,
  constraint event_pkey primary key (stream, version),
  constraint event_id_key unique (id)
);
create index event_feed on mesh.event (epoch, xid, position);

-- Where the answers to a command are, and how they were routed, so that they can be queued again byte for byte.
create table mesh.answer (
  command_id uuid not null,
  event_id uuid not null,
  recorded_at_ms bigint not null,
  requeued_at_ms bigint,
  type text not null,
  exchange text not null,
  routing_key text not null,
  correlation text not null,
  order_key text collate "C" not null,
  is_mandatory boolean not null,
  headers json not null,
  constraint answer_pkey primary key (command_id, event_id)
);

create table mesh.snapshot (
  stream text collate "C" not null,
  state_version text collate "C" not null,
  version integer not null,
  state json not null,
  constraint snapshot_pkey primary key (stream, state_version)
);

create table mesh.outbox (
  id uuid not null,
  position bigint generated always as identity,
  created_at_ms bigint not null,
  next_at_ms bigint not null,
  claimed_until_ms bigint,
  sent_count integer not null default 0,
  -- Failures since the last confirm.
  failed_count integer not null default 0,
  message_id uuid not null,
  kind text not null check (kind in ('command', 'event', 'retry')),
  type text not null,
  exchange text not null,
  routing_key text not null,
  correlation text not null,
  order_key text collate "C" not null,
  is_mandatory boolean not null,
  headers json not null,
  -- Null where the event table holds it.
  envelope text,
  constraint outbox_pkey primary key (id),
  check (envelope is not null or kind = 'event')
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
create index outbox_order on mesh.outbox (order_key, position);
create index outbox_command on mesh.outbox (message_id) where kind = 'command';
create index outbox_position on mesh.outbox (position);

-- Partitioned by the time inside the message id; partitions are made by the owner, see maintainInbox.
create table mesh.inbox (
  message_id uuid not null,
  handled_at_ms bigint not null,
  consumer text collate "C" not null,
  -- Empty where the envelope was never seen (a command that its undo made void).
  digest text not null,
  constraint inbox_pkey primary key (message_id, consumer)
) partition by range (message_id);
create table mesh.inbox_default partition of mesh.inbox default;

create table mesh.timer (
  stream text collate "C" primary key,
  due_at_ms bigint not null,
  fired_at_ms bigint
);
create index timer_due on mesh.timer (due_at_ms) where fired_at_ms is null;

create table mesh.effect (
  id text collate "C" not null,
  position bigint generated always as identity,
  created_at_ms bigint not null,
  next_at_ms bigint not null,
  leased_until_ms bigint,
  lease_epoch integer not null default 0,
  attempt integer not null default 0,
  stream text collate "C" not null,
  effect text not null,
  dependency text collate "C" not null,
  -- Names of older effects of the stream that are given up for this one.
  supersedes text[] not null,
  correlation text not null,
  request json not null,
  caused_by json not null,
  headers json not null,
  last_error text,
  constraint effect_pkey primary key (id)
);
create index effect_stream on mesh.effect (stream, position);
create index effect_dependency on mesh.effect (dependency, position);

create table mesh.dead_letter (
  id uuid not null,
  died_at_ms bigint not null,
  attempts integer not null,
  body_bytes integer not null,
  status text not null default 'dead' check (status in ('dead', 'redriven', 'discarded')),
  class text not null check (class in ('untrusted', 'contract', 'defect', 'exhausted', 'broker')),
  message_id text collate "C" not null,
  type text not null,
  reason text not null,
  detail text not null,
  queue text not null,
  user_id text not null,
  correlation text not null,
  digest text not null,
  headers json not null,
  body text not null,
  constraint dead_letter_pkey primary key (id),
  -- Whoever sent it was not who they said: nobody may send it again on their behalf.
  constraint dead_letter_untrusted check (class <> 'untrusted' or status <> 'redriven')
);
create index dead_letter_message on mesh.dead_letter (message_id);
create index dead_letter_status on mesh.dead_letter (status, id);

create table mesh.projection (
  projection text collate "C" not null,
  generation integer not null,
  key text collate "C" not null,
  owner text collate "C" not null,
  sort text collate "C" not null,
  revision integer not null check (revision > 0),
  seen json not null,
  "row" json not null,
  -- The key in front, and below an expression: as long as nobody has analysed the table the planner takes a whole
  -- projection for a single row, and would read all of it to find one by its key.
  constraint projection_pkey primary key (key, projection, generation)
);
create index projection_sort on mesh.projection ((projection || ' ' || generation::text), sort, key);
create index projection_owner on mesh.projection ((projection || ' ' || generation::text), owner, sort, key);

create table mesh.projection_generation (
  projection text collate "C" primary key,
  generation integer not null
);

create table mesh.feed_cursor (
  owner text collate "C" primary key,
  cursor text not null
);
