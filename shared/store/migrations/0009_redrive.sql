-- Redrives of dead letters as jobs, and the letters of each as they were selected: see shared/store/redrive.ts. One row of
-- a job at a time is written by whoever has seen its revision; the lease only keeps replicas from doing the same work.
create table mesh.redrive_job (
  id uuid not null,
  created_at_ms bigint not null,
  ended_at_ms bigint,
  -- Null where nobody has to look at it any more.
  next_at_ms bigint,
  leased_until_ms bigint,
  revision integer not null default 1,
  status text not null default 'running' check (status in ('running', 'paused', 'stopped', 'cancelled', 'done')),
  status_reason text not null default '',
  reason text not null,
  plan json not null,
  progress json not null,
  constraint redrive_job_pkey primary key (id)
);
create index redrive_job_next on mesh.redrive_job (next_at_ms) where next_at_ms is not null;

create table mesh.redrive_item (
  job_id uuid not null,
  letter_id uuid not null,
  later_id uuid,
  taken_at_ms bigint,
  ended_at_ms bigint,
  ordinal integer not null,
  batch integer,
  state text not null check (state in ('waiting', 'taken', 'handled', 'dead-again', 'unknown', 'refused')),
  message_id text not null,
  type text not null,
  class text not null,
  reason text not null,
  correlation text not null,
  why text not null,
  detail text not null,
  constraint redrive_item_pkey primary key (job_id, ordinal)
);
create index redrive_item_state on mesh.redrive_item (job_id, state, ordinal);
